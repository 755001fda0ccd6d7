//! The libraries of this machine pass the check. Truncated and changed copies of them do not.

use object::read::elf::{SectionTable, Sym, SymbolTable};

use super::*;

/// Returns the libraries that this very process has loaded.
pub(in crate::plugin) fn loaded_libraries() -> Vec<PathBuf> {
    let maps = fs_err::read_to_string("/proc/self/maps").expect("Linux lists the mapped files");
    let paths = maps
        .lines()
        .filter_map(|line| Some(PathBuf::from(format!("/{}", line.split_once('/')?.1))));
    let mut libraries: Vec<_> = paths
        .filter(|path| path.to_string_lossy().contains(".so"))
        .collect();
    libraries.dedup();
    assert!(!libraries.is_empty(), "a test is linked dynamically");
    libraries
}

/// Returns the smallest of them.
pub(in crate::plugin) fn good_library() -> Vec<u8> {
    let contents = loaded_libraries()
        .into_iter()
        .map(|path| fs_err::read(path).expect("a library"));
    contents
        .min_by_key(Vec::len)
        .expect("there is at least one")
}

pub(in crate::plugin) fn judged(content: &[u8]) -> Result<LibraryKind, FileProblem> {
    check_content(Path::new("libx.so"), content.len() as u64, content, MACHINE)
}

/// Returns the end of the last segment, which decides whether a file is truncated.
fn end_of_segments(content: &[u8]) -> usize {
    let header = FileHeader64::<LittleEndian>::parse(content).expect("a header");
    let segments = header.program_headers(LittleEndian, content);
    let ends = segments.expect("segments").iter().map(|segment| {
        segment.p_offset(LittleEndian)
            + match segment.p_type(LittleEndian) {
                PT_LOAD => segment.p_filesz(LittleEndian),
                _ => 0,
            }
    });
    ends.max().expect("a segment") as usize
}

fn symbols(content: &[u8]) -> SymbolTable<'_, FileHeader64<LittleEndian>> {
    let header = FileHeader64::<LittleEndian>::parse(content).expect("a header");
    let sections: SectionTable<'_, _> = header.sections(LittleEndian, content).expect("sections");
    let symbols = sections.symbols(LittleEndian, content, object::elf::SHT_DYNSYM);
    symbols.expect("dynamic symbols")
}

#[test]
fn no_library_of_this_machine_is_refused() {
    let folders: std::collections::BTreeSet<_> = loaded_libraries()
        .iter()
        .filter_map(|path| Some(path.parent()?.to_owned()))
        .collect();
    let files = folders
        .iter()
        .flat_map(|folder| fs_err::read_dir(folder).expect("a folder"));
    let mut checked = 0;
    for file in files {
        let path = file.expect("a file").path();
        if !path.to_string_lossy().contains(".so") {
            continue;
        }
        match check(&path) {
            Ok(_) => checked += 1,
            Err(problem @ (FileProblem::Truncated { .. } | FileProblem::Damaged { .. })) => {
                panic!("{problem}")
            }
            // Links into other folders, scripts of the linker, libraries for other CPUs.
            Err(_) => {}
        }
    }
    assert!(checked > 0, "in {folders:?}");
}

#[test]
fn every_symbol_is_found_without_the_section_table() {
    for path in loaded_libraries() {
        let content = fs_err::read(path).expect("a library");
        let symbols = symbols(&content);
        let header = FileHeader64::<LittleEndian>::parse(&*content).expect("a header");
        let segments = header.program_headers(LittleEndian, &*content);
        let tables = Tables::parse(segments.expect("segments"), &*content);
        let tables = tables.unwrap_or_else(|problem| panic!("{problem}"));
        let defined = symbols.iter().filter(|symbol| {
            !symbol.is_undefined(LittleEndian)
                && symbol.st_bind() != object::elf::STB_LOCAL
                && symbol.st_type() != object::elf::STT_TLS
                && symbol.st_shndx(LittleEndian) != object::elf::SHN_ABS
        });
        for symbol in defined.step_by(10) {
            let name = symbol
                .name(LittleEndian, symbols.strings())
                .expect("a name");
            assert!(tables.defines(name), "{}", String::from_utf8_lossy(name));
        }
        assert!(!tables.defines(b"no_symbol_of_this_name"));
    }
}

#[test]
fn a_library_is_truncated_where_a_segment_is() {
    let content = good_library();
    let end = end_of_segments(&content);
    for length in (0..content.len()).step_by(97).chain([end - 1, end]) {
        let outcome = judged(&content[..length]);
        if length < end {
            let problem = outcome.expect_err("something is missing");
            let code = problem.code().as_str();
            let expected = match length {
                0..6 => "PLUGIN_NOT_A_LIBRARY",
                6..64 => "PLUGIN_DAMAGED",
                _ => code,
            };
            assert_eq!(code, expected, "{length}: {problem}");
            assert!(
                ["PLUGIN_NOT_A_LIBRARY", "PLUGIN_DAMAGED", "PLUGIN_TRUNCATED"].contains(&code),
                "{length}: {problem}"
            );
        } else {
            // The loader needs no section table, which comes last.
            assert_eq!(
                outcome.expect("it can be loaded"),
                LibraryKind::Other,
                "{length}"
            );
        }
    }
}

#[test]
fn a_library_with_an_empty_rest_is_damaged() {
    let content = good_library();
    let end = end_of_segments(&content);
    for tenths in 1..10 {
        let mut copy = content.clone();
        copy[end * tenths / 10..].fill(0);
        let problem = judged(&copy).expect_err("its last tables are gone");
        assert_eq!(
            problem.code().as_str(),
            "PLUGIN_DAMAGED",
            "{tenths}/10: {problem}"
        );
    }
}

#[test]
fn a_library_for_the_other_cpu_is_checked_as_its_own_host_would() {
    let mut library = good_library();
    let other = if MACHINE == EM_X86_64 {
        EM_AARCH64
    } else {
        EM_X86_64
    };
    library[18..20].copy_from_slice(&other.0.to_le_bytes());
    let path = Path::new("libx.so");
    assert!(matches!(judged(&library), Err(FileProblem::Foreign { .. })));
    assert!(!check_library(path, &library).expect("it holds together"));
    let cut = &library[..end_of_segments(&library) - 1];
    let problem = check_library(path, cut).expect_err("it is cut");
    assert!(
        matches!(problem, FileProblem::Truncated { .. }),
        "{problem}"
    );
}
