//! Reads facts from an ELF file: its CPU, the glibc version that it needs, and the libraries that it needs. The file is
//! only parsed, never opened as a library.

use std::path::Path;

use object::{
    LittleEndian, SymbolIndex,
    elf::{
        DF_TEXTREL, DT_FLAGS, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_TEXTREL, DynamicFlags,
        ELF_NOTE_GNU, ELFMAG, EM_AARCH64, EM_X86_64, FileHeader64, NT_GNU_BUILD_ID, PF_X,
        PT_GNU_STACK, SHT_DYNSYM, SHT_SYMTAB,
    },
    read::elf::{FileHeader, ProgramHeader, SectionTable, Sym},
};

use crate::{
    error::CliError,
    library::glibc::{AMAZON_LINUX_2023, Glibc},
};

/// Facts from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ElfFacts {
    /// Rust's name of the CPU that the file is for.
    pub(crate) cpu: String,
    /// The newest glibc version that it needs.
    pub(crate) glibc: Option<Glibc>,
    /// The symbols that need a newer glibc than Amazon Linux 2023 has.
    pub(crate) too_new_symbols: Vec<String>,
    /// The libraries that it needs, by the names for which the loader looks.
    pub(crate) needed: Vec<String>,
    /// The name under which other libraries need it (`SONAME`), if it has one.
    pub(crate) soname: Option<String>,
    /// The folders in which the loader looks first for needed libraries (`RUNPATH`).
    pub(crate) run_path: Vec<String>,
    /// Whether the loader has to modify its code (text relocations).
    pub(crate) text_relocations: bool,
    /// Whether it asks for an executable stack.
    pub(crate) executable_stack: bool,
    /// Whether it has symbols that only debuggers read.
    pub(crate) symbols: bool,
    /// The build id that the linker has written, in hex.
    pub(crate) build_id: Option<String>,
    /// Whether it has a section table. Without it, neither the glibc version nor the needed libraries are known.
    pub(crate) sections: bool,
}

/// Reports whether this is the content of an ELF file.
pub(crate) fn is_elf(data: &[u8]) -> bool {
    data.starts_with(&ELFMAG)
}

/// Reads the facts from the content of a file for a 64-bit CPU.
pub(crate) fn read_facts(data: &[u8]) -> object::Result<ElfFacts> {
    let header = FileHeader64::<LittleEndian>::parse(data)?;
    let cpu = match header.e_machine(LittleEndian) {
        EM_X86_64 => "x86_64".to_owned(),
        EM_AARCH64 => "aarch64".to_owned(),
        other => format!("ELF machine {}", other.0),
    };
    let mut facts = ElfFacts {
        // This applies if the file has no segment that decides it. On x86_64, Linux then assumes an old program, which
        // needs an executable stack.
        executable_stack: cpu == "x86_64",
        cpu,
        glibc: None,
        too_new_symbols: Vec::new(),
        needed: Vec::new(),
        soname: None,
        run_path: Vec::new(),
        text_relocations: false,
        symbols: false,
        build_id: None,
        sections: false,
    };
    for segment in header.program_headers(LittleEndian, data)? {
        if segment.p_type(LittleEndian) == PT_GNU_STACK {
            facts.executable_stack = segment.p_flags(LittleEndian).contains(PF_X);
        }
        if let Ok(Some(mut notes)) = segment.notes(LittleEndian, data) {
            while let Ok(Some(note)) = notes.next() {
                if note.name() == ELF_NOTE_GNU && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
                    facts.build_id = Some(layer_format::hex(note.desc()));
                }
            }
        }
    }
    let sections = header.sections(LittleEndian, data)?;
    facts.sections = !sections.is_empty();
    facts.symbols = sections
        .iter()
        .any(|section| section.sh_type.get(LittleEndian) == SHT_SYMTAB);
    facts.read_dynamic(&sections, data)?;
    facts.read_versions(&sections, data)?;
    Ok(facts)
}

type Sections<'data> = SectionTable<'data, FileHeader64<LittleEndian>>;

impl ElfFacts {
    fn read_dynamic(&mut self, sections: &Sections<'_>, data: &[u8]) -> object::Result<()> {
        let dynamic = sections.dynamic_table(LittleEndian, data)?;
        for entry in &dynamic {
            let text = || {
                let text = dynamic.string(entry)?;
                Ok(String::from_utf8_lossy(text).into_owned())
            };
            match entry.tag {
                DT_NEEDED => self.needed.push(text()?),
                DT_SONAME => self.soname = Some(text()?),
                DT_RPATH | DT_RUNPATH => {
                    self.run_path.extend(text()?.split(':').map(str::to_owned));
                }
                DT_TEXTREL => self.text_relocations = true,
                DT_FLAGS if DynamicFlags(entry.val).contains(DF_TEXTREL) => {
                    self.text_relocations = true;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_versions(&mut self, sections: &Sections<'_>, data: &[u8]) -> object::Result<()> {
        let Some(versions) = sections.versions(LittleEndian, data)? else {
            return Ok(());
        };
        let symbols = sections.symbols(LittleEndian, data, SHT_DYNSYM)?;
        for (index, symbol) in symbols.enumerate() {
            if !symbol.is_undefined(LittleEndian) || index == SymbolIndex(0) {
                continue;
            }
            let version = versions.version_index(LittleEndian, index).index();
            let Some(version) = versions.version(version)? else {
                continue;
            };
            let Some(found) = std::str::from_utf8(version.name())
                .ok()
                .and_then(parse_glibc)
            else {
                continue;
            };
            self.glibc = self.glibc.max(Some(found));
            if found > AMAZON_LINUX_2023 {
                let name = symbols.symbol_name(LittleEndian, symbol)?;
                self.too_new_symbols
                    .push(String::from_utf8_lossy(name).into_owned());
            }
        }
        // A library may require a version without using a symbol of that version. The loader still refuses the library
        // if the version is missing.
        if let Some((mut needs, strings)) = sections.gnu_verneed(LittleEndian, data)? {
            let strings = sections.strings(LittleEndian, data, strings)?;
            while let Some((_, mut versions)) = needs.next()? {
                while let Some(version) = versions.next()? {
                    let name = version.name(LittleEndian, strings)?;
                    let found = std::str::from_utf8(name).ok().and_then(parse_glibc);
                    self.glibc = self.glibc.max(found);
                }
            }
        }
        Ok(())
    }

    /// Returns the newest glibc version that it names, if Amazon Linux 2023 does not have it.
    pub(crate) fn too_new_glibc(&self) -> Option<Glibc> {
        self.glibc.filter(|found| *found > AMAZON_LINUX_2023)
    }
}

/// Checks that a file needs no symbol of a newer glibc than this one.
pub(crate) fn check_glibc(path: &Path, newest: Glibc) -> anyhow::Result<()> {
    let facts = read_facts(&fs_err::read(path)?).map_err(|error| CliError::Library {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    match facts.glibc {
        Some(found) if found > newest => Err(CliError::Glibc {
            path: path.to_owned(),
            found,
            newest,
        }
        .into()),
        _ => Ok(()),
    }
}

/// Parses `GLIBC_2.34` to 2.34, and `GLIBC_2.2.5` to 2.2.
fn parse_glibc(name: &str) -> Option<Glibc> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some(Glibc(numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        assert_eq!(parse_glibc("GLIBC_2.2.5"), Some(Glibc(2, 2)));
        assert_eq!(parse_glibc("GLIBC_PRIVATE"), None);
        assert!(parse_glibc("GLIBC_2.9") < parse_glibc("GLIBC_2.34"));
    }

    #[test]
    fn the_test_binary_is_read() {
        let data = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        let facts = read_facts(&data).unwrap();
        assert_eq!(facts.cpu, std::env::consts::ARCH);
        assert!(facts.glibc >= Some(Glibc(2, 17)), "{facts:?}");
        assert!(facts.needed.iter().any(|name| name.starts_with("libc.so")));
        assert!(facts.symbols && facts.sections && facts.build_id.is_some());
        assert!(!facts.text_relocations && !facts.executable_stack);
    }
}
