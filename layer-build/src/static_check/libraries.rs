//! Checks every ELF file, and whether the host would accept the files in `lib`.

use std::{collections::BTreeSet, path::Path};

use layer_format::HasErrorCode;

use crate::{
    archive::read::EntryKind,
    finding::{Finding, FindingCode},
    library::{elf::ElfFacts, glibc::AMAZON_LINUX_2023},
    static_check::subject::{Layer, Library, Subject},
};

/// The libraries that `provided.al2023` certainly has: those of glibc, and the unwinder that every Rust program needs.
/// Source: the GNU C Library manual, "Installing the C Library", and GCC's `libgcc_s`; AWS, "Amazon Linux 2023 User
/// Guide", "AL2023 minimal container image". It has more libraries, but no documentation of AWS guarantees them.
const SYSTEM_LIBRARIES: [&str; 13] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libmvec.so.1",
    "libnss_dns.so.2",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
];

/// The maximum number of symbols that a message names.
const MAX_NAMED_SYMBOLS: usize = 3;

/// Checks every ELF file. `system` lists further libraries that the function's system has.
pub(crate) fn check(subject: &Subject, system: &[String], findings: &mut Vec<Finding>) {
    let cpu = subject.cpu().unwrap_or_default();
    let in_layers = subject
        .layers
        .iter()
        .flat_map(|layer| layer.archive.lib_files());
    let present: BTreeSet<&str> = in_layers
        .map(|(name, _)| name)
        .chain(SYSTEM_LIBRARIES)
        .chain(system.iter().map(String::as_str))
        .collect();
    for layer in subject.host.iter().chain(&subject.layers) {
        // Skip links: the file that a link points to is checked itself.
        let files = layer.libraries.iter();
        for library in files.filter(|library| library.link_target.is_none()) {
            let location = layer.location(&library.path);
            if library.facts.cpu != cpu {
                findings.push(Finding::new(
                    FindingCode::CpuMixed,
                    format!(
                        "{location}: for {}, but the others are for {cpu}",
                        library.facts.cpu
                    ),
                    "build everything for the function's architecture",
                ));
            }
            check_facts(&location, &library.facts, &present, findings);
        }
    }
    for layer in &subject.layers {
        check_placement(layer, findings);
    }
}

fn check_facts(
    location: &str,
    facts: &ElfFacts,
    present: &BTreeSet<&str>,
    findings: &mut Vec<Finding>,
) {
    let mut report = |check, message: String, help| {
        findings.push(Finding::new(check, format!("{location}: {message}"), help))
    };
    if !facts.sections {
        report(
            FindingCode::LibraryUnreadable,
            "has no section table, so its needs cannot be read".to_owned(),
            "copy or build it again; strip it with `strip`, which keeps the table",
        );
    }
    if let Some(glibc) = facts.too_new_glibc() {
        let symbols = match facts.too_new_symbols.as_slice() {
            [] => String::new(),
            few if few.len() <= MAX_NAMED_SYMBOLS => format!(" for {}", few.join(", ")),
            many => format!(
                " for {} and {} more",
                many[..MAX_NAMED_SYMBOLS].join(", "),
                many.len() - MAX_NAMED_SYMBOLS
            ),
        };
        report(
            FindingCode::GlibcTooNew,
            format!("needs {glibc}{symbols}, but Amazon Linux 2023 has {AMAZON_LINUX_2023}"),
            "build it on a system with an older glibc, such as Debian 12 or Amazon Linux 2023",
        );
    }
    for needed in facts
        .needed
        .iter()
        .filter(|needed| !present.contains(needed.as_str()))
    {
        report(
            FindingCode::LibraryMissing,
            format!(
                "needs {needed}, which is in no layer and is not known to be on Amazon Linux 2023"
            ),
            "link it statically, put it into `lib` of a layer, or pass --system-library if the function's system has it",
        );
    }
    let outside = |path: &&String| {
        !path.is_empty() && !path.starts_with("$ORIGIN") && !path.starts_with("/opt/")
    };
    if let Some(path) = facts.run_path.iter().find(outside) {
        report(
            FindingCode::RunPathForeign,
            format!("looks for libraries in {path}, a folder of the machine it was built on"),
            "link it without `-rpath`, or with `-rpath '$ORIGIN'`",
        );
    }
    if facts.text_relocations {
        report(
            FindingCode::TextRelocations,
            "has text relocations: the loader has to change its code, which hardened systems forbid".to_owned(),
            "compile all of its code, also in C or assembler, with -fPIC",
        );
    }
    if facts.executable_stack {
        report(
            FindingCode::ExecutableStack,
            "requires an executable stack, which hardened systems refuse".to_owned(),
            "add `.section .note.GNU-stack,\"\",@progbits` to its assembler code, or link it with `-z noexecstack`",
        );
    }
    if facts.symbols {
        report(
            FindingCode::NotStripped,
            "contains symbols that only debuggers read; it is larger and opens more slowly"
                .to_owned(),
            "build it with `cargo layer build`, or strip it",
        );
    }
}

/// Checks that plugins are in `lib`, the only folder that the host reads, and that manifests list them.
fn check_placement(layer: &Layer, findings: &mut Vec<Finding>) {
    let is_link_target = |path: &str| {
        let mut plugins = layer.plugins();
        plugins.any(|plugin| plugin.link_target.as_deref() == Some(path))
    };
    for library in layer.libraries.iter().filter(|library| library.is_plugin) {
        let Library { path, .. } = library;
        match library.name_in_lib() {
            None if is_link_target(path) => {}
            None => findings.push(Finding::new(
                FindingCode::PluginMisplaced,
                format!("{}: a plugin outside of `lib`, where the host does not look", layer.location(path)),
                "put it into `lib`, at the top of the archive",
            )),
            Some(name) if !layer.declares(name) => findings.push(Finding::new(
                FindingCode::PluginUndeclared,
                format!("{}: a plugin that no manifest lists; the host opens it at startup, which is slower", layer.location(path)),
                "build the layer with `cargo layer build`",
            )),
            Some(_) => {}
        }
    }
    for (name, file) in layer.archive.lib_files() {
        let is_library = file.kind == EntryKind::File && name.ends_with(".so");
        if !is_library {
            continue;
        }
        if let Err(problem) = host::plugin::check_library(Path::new(&file.path), &file.content) {
            let message = format!("{}: {problem}", layer.archive.path.display());
            findings.push(if layer.declares(name) {
                Finding::from_host(problem.code().as_str(), message)
            } else {
                // The host ignores this file, which may be anything.
                Finding::skipped(problem.code(), message)
            });
        }
    }
}
