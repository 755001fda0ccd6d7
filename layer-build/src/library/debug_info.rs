//! Splits a library into two files: one with only the parts that the loader needs, and the whole library for debuggers.
//! Both have the same build id.
//!
//! The programs `strip` and `objcopy` are not used, because each is built for one CPU, and different releases of them
//! produce different bytes. The part that is mapped into memory is not changed. Sections that are not mapped are
//! removed, and with them all paths of folders on this machine. The linker's build id is a hash that includes the
//! removed part, so it is replaced by a hash of the remaining part.

use layer_format::sha256;
use object::{
    LittleEndian, U16, U32, U64,
    elf::{
        ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID, SHF_ALLOC, SHF_INFO_LINK, SHT_NOBITS,
        SHT_STRTAB, SectionHeader64, SymbolSection,
    },
    pod::bytes_of,
    read::elf::{FileHeader, ProgramHeader, SectionHeader},
};

/// The two files.
#[derive(Debug)]
pub(crate) struct SplitLibrary {
    /// The library to pack.
    pub(crate) stripped: Vec<u8>,
    /// The whole library, with the same build id.
    pub(crate) symbols: Vec<u8>,
    /// The build id, in hex.
    pub(crate) build_id: String,
}

/// The reason why a library cannot be stripped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StripError {
    #[error("cannot be read: {0}")]
    Read(#[from] object::Error),
    #[error("has no build id; link it with --build-id=sha1")]
    NoBuildId,
    #[error("has sections in an order that no linker is known to write")]
    Order,
}

type Section = SectionHeader64<LittleEndian>;

/// The name of the section with the names of all sections.
const SECTION_NAMES: &[u8] = b".shstrtab";

/// Splits a library.
pub(crate) fn split_debug_info(mut library: Vec<u8>) -> Result<SplitLibrary, StripError> {
    let mut stripped = strip(&library)?;
    let range = build_id_range(&library)?;
    stripped[range.clone()].fill(0);
    let hash = sha256(&stripped);
    let id: Vec<u8> = hash
        .as_bytes()
        .chunks(2)
        .filter_map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .cycle()
        .take(range.len())
        .collect();
    stripped[range.clone()].copy_from_slice(&id);
    library[range].copy_from_slice(&id);
    Ok(SplitLibrary {
        stripped,
        symbols: library,
        build_id: layer_format::hex(&id),
    })
}

/// Returns the position of the build id in the file.
fn build_id_range(data: &[u8]) -> Result<std::ops::Range<usize>, StripError> {
    let header = FileHeader64::<LittleEndian>::parse(data)?;
    for segment in header.program_headers(LittleEndian, data)? {
        let Some(mut notes) = segment.notes(LittleEndian, data)? else {
            continue;
        };
        while let Some(note) = notes.next()? {
            if note.name() == ELF_NOTE_GNU && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
                let begin = note.desc().as_ptr() as usize - data.as_ptr() as usize;
                return Ok(begin..begin + note.desc().len());
            }
        }
    }
    Err(StripError::NoBuildId)
}

fn strip(data: &[u8]) -> Result<Vec<u8>, StripError> {
    let header = FileHeader64::<LittleEndian>::parse(data)?;
    let sections = header.sections(LittleEndian, data)?;
    let is_mapped = |section: &&Section| section.sh_flags(LittleEndian).contains(SHF_ALLOC);
    // The first section is always empty (a rule of ELF).
    let kept = 1 + sections.iter().skip(1).take_while(is_mapped).count();
    if sections
        .iter()
        .skip(kept)
        .any(|section| is_mapped(&section))
        || kept == 1
    {
        return Err(StripError::Order);
    }
    let mut out = data[..end_of_mapped(header, data, kept)?].to_vec();

    // The names of sections, each with a zero byte at its end. The first name is empty.
    let mut names = vec![0];
    let mut headers = Vec::with_capacity(kept + 1);
    for (index, section) in sections.iter().take(kept).enumerate() {
        let mut section = *section;
        if index > 0 {
            let name = sections.section_name(LittleEndian, &section)?;
            section.sh_name = position(&names);
            names.extend_from_slice(name);
            names.push(0);
        }
        let is_removed = |index: u32| index as usize >= kept;
        if is_removed(section.sh_link(LittleEndian)) {
            section.sh_link = U32::new(LittleEndian, 0);
        }
        if section.sh_flags(LittleEndian).contains(SHF_INFO_LINK)
            && is_removed(section.sh_info(LittleEndian))
        {
            section.sh_info = U32::new(LittleEndian, 0);
        }
        headers.push(section);
    }
    let mut last = headers[0];
    last.sh_name = position(&names);
    names.extend_from_slice(SECTION_NAMES);
    names.push(0);
    last.sh_type = U32::new(LittleEndian, SHT_STRTAB);
    last.sh_offset = U64::new(LittleEndian, out.len() as u64);
    last.sh_size = U64::new(LittleEndian, names.len() as u64);
    last.sh_addralign = U64::new(LittleEndian, 1);
    headers.push(last);
    out.extend_from_slice(&names);
    out.resize(out.len().next_multiple_of(align_of::<u64>()), 0);

    let mut header = *header;
    header.e_shoff = U64::new(LittleEndian, out.len() as u64);
    header.e_shnum = U16::new(LittleEndian, headers.len() as u16);
    header.e_shstrndx = U16::new(LittleEndian, SymbolSection(kept as u16));
    for section in &headers {
        out.extend_from_slice(bytes_of(section));
    }
    let header = bytes_of(&header);
    out[..header.len()].copy_from_slice(header);
    Ok(out)
}

/// Returns the position in the file after the last bytes that are mapped into memory, or that describe this mapping.
fn end_of_mapped(
    header: &FileHeader64<LittleEndian>,
    data: &[u8],
    kept: usize,
) -> Result<usize, StripError> {
    let segments = header.program_headers(LittleEndian, data)?;
    let of_segments = segments
        .iter()
        .map(|segment| segment.p_offset(LittleEndian) + segment.p_filesz(LittleEndian));
    let sections = header.sections(LittleEndian, data)?;
    let of_sections = sections
        .iter()
        .take(kept)
        .filter(|section| section.sh_type(LittleEndian) != SHT_NOBITS)
        .map(|section| section.sh_offset(LittleEndian) + section.sh_size(LittleEndian));
    let end = of_segments.chain(of_sections).max().unwrap_or_default();
    let end = usize::try_from(end).map_err(|_| StripError::Order)?;
    if end > data.len() {
        return Err(StripError::Order);
    }
    Ok(end)
}

fn position(names: &[u8]) -> U32<LittleEndian> {
    U32::new(LittleEndian, names.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::elf;

    /// Returns this very test program: no library, but linked like one.
    fn whole() -> Vec<u8> {
        fs_err::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn mapped_bytes_stay_and_symbols_are_removed() {
        let whole = whole();
        let before = elf::read_facts(&whole).unwrap();
        let split = split_debug_info(whole.clone()).unwrap();
        let after = elf::read_facts(&split.stripped).unwrap();
        assert!(before.symbols && !after.symbols && after.sections);
        assert!(split.stripped.len() < whole.len() / 2);
        let expected = elf::ElfFacts {
            symbols: false,
            build_id: Some(split.build_id.clone()),
            ..before
        };
        assert_eq!(after, expected);
        let symbols = elf::read_facts(&split.symbols).unwrap();
        assert_eq!(symbols.build_id, Some(split.build_id));
        assert_eq!(split.symbols.len(), whole.len());

        let header = FileHeader64::<LittleEndian>::parse(whole.as_slice()).unwrap();
        let id = build_id_range(&whole).unwrap();
        for segment in header
            .program_headers(LittleEndian, whole.as_slice())
            .unwrap()
        {
            let (mut range, end) = segment.file_range(LittleEndian);
            let end = range + end;
            // The header itself, which has the position of the sections, and the build id.
            range = range.max(size_of::<FileHeader64<LittleEndian>>() as u64);
            let different = (range..end)
                .map(|byte| byte as usize)
                .find(|byte| !id.contains(byte) && whole[*byte] != split.stripped[*byte]);
            assert_eq!(different, None);
        }
    }

    #[test]
    fn the_build_id_depends_on_mapped_bytes_alone() {
        let mut other = whole();
        let first = split_debug_info(other.clone()).unwrap();
        // The last bytes belong to the table of sections, which is written again.
        let header = *FileHeader64::<LittleEndian>::parse(other.as_slice()).unwrap();
        let range = build_id_range(&other).unwrap();
        let end = end_of_mapped(&header, &other, 2).unwrap();
        other[end + 8] ^= 1;
        other[range].fill(7);
        let second = split_debug_info(other).unwrap();
        assert_eq!(first.stripped, second.stripped);
    }

    #[test]
    fn an_unstrippable_library_is_refused() {
        let mut without = whole();
        let range = build_id_range(&without).unwrap();
        // The type of the note.
        without[range.start - 8] = 99;
        assert!(matches!(
            split_debug_info(without),
            Err(StripError::NoBuildId)
        ));
        assert!(matches!(
            split_debug_info(b"text".to_vec()),
            Err(StripError::Read(_))
        ));
    }
}
