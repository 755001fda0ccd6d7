//! What the ELF files say of themselves, and what the host says of files in its folder.

use std::{collections::BTreeSet, path::Path};

use layer_format::HasErrorCode;

use crate::{
    archive::read::Kind,
    finding::{Check, Finding},
    library::{elf::Facts, glibc::AMAZON_LINUX_2023},
    static_check::subject::{Layer, Library, Subject},
};

/// The libraries that `provided.al2023` has for certain: glibc's own, and the unwinder that every Rust program needs.
/// Source: the GNU C Library manual, "Installing the C Library", and GCC's `libgcc_s`; AWS, "Amazon Linux 2023 User Guide",
/// "AL2023 minimal container image". There is more on it, which no page of AWS promises by name.
const PRESENT: [&str; 13] = [
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

/// How many symbols are named, at most.
const MAX_SYMBOLS: usize = 3;

/// Check every ELF file. `system` are libraries that the function's system has besides.
pub(crate) fn check(subject: &Subject, system: &[String], findings: &mut Vec<Finding>) {
    let cpu = subject.cpu().unwrap_or_default();
    let in_layers = subject.layers.iter().flat_map(|layer| layer.contents.lib());
    let present: BTreeSet<&str> = in_layers
        .map(|(name, _)| name)
        .chain(PRESENT)
        .chain(system.iter().map(String::as_str))
        .collect();
    for layer in subject.host.iter().chain(&subject.layers) {
        // What a link leads to is judged in its own place.
        let files = layer.libraries.iter();
        for library in files.filter(|library| library.leads_to.is_none()) {
            let at = layer.at(&library.path);
            if library.facts.cpu != cpu {
                findings.push(Finding::new(
                    Check::CpuMixed,
                    format!(
                        "{at}: for {}, while the others are for {cpu}",
                        library.facts.cpu
                    ),
                    "build everything for the function's architecture",
                ));
            }
            facts(&at, &library.facts, &present, findings);
        }
    }
    for layer in &subject.layers {
        placed(layer, findings);
    }
}

fn facts(at: &str, facts: &Facts, present: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let mut found = |check, message: String, help| {
        findings.push(Finding::new(check, format!("{at}: {message}"), help))
    };
    if !facts.sections {
        found(
            Check::LibraryUnreadable,
            "has no table of sections, by which its needs are read".to_owned(),
            "copy or build it again; strip it by `strip`, which leaves the table in",
        );
    }
    if let Some(glibc) = facts.too_new_glibc() {
        let symbols = match facts.too_new.as_slice() {
            [] => String::new(),
            few if few.len() <= MAX_SYMBOLS => format!(" for {}", few.join(", ")),
            many => format!(
                " for {} and {} more",
                many[..MAX_SYMBOLS].join(", "),
                many.len() - MAX_SYMBOLS
            ),
        };
        found(
            Check::GlibcTooNew,
            format!("needs {glibc}{symbols}, Amazon Linux 2023 has {AMAZON_LINUX_2023}"),
            "build it on a system with an older glibc, such as Debian 12 or Amazon Linux 2023",
        );
    }
    for needed in facts
        .needed
        .iter()
        .filter(|needed| !present.contains(needed.as_str()))
    {
        found(
            Check::LibraryMissing,
            format!(
                "needs {needed}, which no layer has, and which is not known to be on Amazon Linux 2023"
            ),
            "link it statically, put it into `lib` of a layer, or say that the function's system has it by --system-library",
        );
    }
    let outside = |path: &&String| {
        !path.is_empty() && !path.starts_with("$ORIGIN") && !path.starts_with("/opt/")
    };
    if let Some(path) = facts.run_path.iter().find(outside) {
        found(
            Check::RunPathForeign,
            format!("looks for libraries in {path}, a folder of the machine it was built on"),
            "link it without `-rpath`, or with `-rpath '$ORIGIN'`",
        );
    }
    if facts.text_relocations {
        found(
            Check::TextRelocations,
            "has text relocations: the loader has to change its code, which hardened systems forbid".to_owned(),
            "compile all of its code, also in C or assembler, with -fPIC",
        );
    }
    if facts.executable_stack {
        found(
            Check::ExecutableStack,
            "asks for an executable stack, which hardened systems refuse".to_owned(),
            "add `.section .note.GNU-stack,\"\",@progbits` to its assembler code, or link it with `-z noexecstack`",
        );
    }
    if facts.symbols {
        found(
            Check::NotStripped,
            "carries symbols that only debuggers read, which make it larger and its start slower"
                .to_owned(),
            "build it by `cargo layer build`, or strip it",
        );
    }
}

/// The host looks into `lib` alone, and reads manifests.
fn placed(layer: &Layer, findings: &mut Vec<Finding>) {
    let is_linked = |path: &str| {
        let mut plugins = layer.plugins();
        plugins.any(|plugin| plugin.leads_to.as_deref() == Some(path))
    };
    for library in layer.libraries.iter().filter(|library| library.is_plugin) {
        let Library { path, .. } = library;
        match library.name_in_lib() {
            None if is_linked(path) => {}
            None => findings.push(Finding::new(
                Check::PluginMisplaced,
                format!("{}: a plugin where the host does not look", layer.at(path)),
                "put it into `lib`, at the top of the archive",
            )),
            Some(name) if !layer.declares(name) => findings.push(Finding::new(
                Check::PluginUndeclared,
                format!("{}: a plugin that no manifest tells of, so that it is opened at the start, which is slower", layer.at(path)),
                "build the layer by `cargo layer build`",
            )),
            Some(_) => {}
        }
    }
    for (name, file) in layer.contents.lib() {
        let is_library = file.kind == Kind::File && name.ends_with(".so");
        if !is_library {
            continue;
        }
        if let Err(problem) = host::plugin::check_library(Path::new(&file.path), &file.content) {
            let message = format!("{}: {problem}", layer.contents.path.display());
            findings.push(if layer.declares(name) {
                Finding::of_host(problem.code().as_str(), message)
            } else {
                // It may be anything: the host leaves it out.
                Finding::left_out(problem.code(), message)
            });
        }
    }
}
