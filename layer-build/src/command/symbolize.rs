//! `symbolize`: resolves addresses in a log to functions and source lines, with the symbols that were stored when the
//! layer was built.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    path::PathBuf,
};

use addr2line::{Loader, demangle_auto};

use crate::{
    archive::read::Archive, args, build::symbols, error::CliError, exit::Exit, library::elf,
};

/// An address in a library, from a line of a log.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    library: &'a str,
    offset: u64,
    build_id: Option<&'a str>,
    /// Whether it is a return address. If so, the call is the instruction before it.
    is_return_address: bool,
}

/// Copies stdin to stdout, and prints the resolved addresses below each line.
pub(crate) fn run(args: &args::layer::Symbolize) -> anyhow::Result<Exit> {
    let folder = args
        .symbols
        .clone()
        .unwrap_or_else(|| symbols::folder(&args.layer));
    let build_ids = build_ids(&args.layer)?;
    if !folder.is_dir() {
        return Err(CliError::NoSymbols(folder).into());
    }
    let mut symbolizer = Symbolizer {
        folder,
        build_ids,
        loaders: HashMap::new(),
    };
    let mut out = std::io::stdout().lock();
    let mut log = std::io::stdin().lock();
    // Read bytes: logs may contain text that is not UTF-8.
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? > 0 {
        out.write_all(&line)?;
        if !line.ends_with(b"\n") {
            writeln!(out)?;
        }
        let text = String::from_utf8_lossy(&line);
        for address in addresses(&text) {
            for frame in symbolizer.frames(&address) {
                writeln!(out, "    {frame}")?;
            }
        }
        // Flush now, because the next line may come much later.
        out.flush()?;
        line.clear();
    }
    Ok(Exit::Done)
}

/// Returns the build ids of the layer's libraries, for addresses in the log that have none.
fn build_ids(layer: &std::path::Path) -> anyhow::Result<HashMap<String, String>> {
    let archive = Archive::read(layer)?;
    let ids = archive.lib_files().filter_map(|(name, file)| {
        let id = elf::read_facts(&file.content).ok()?.build_id?;
        Some((name.to_owned(), id))
    });
    Ok(ids.collect())
}

struct Symbolizer {
    folder: PathBuf,
    build_ids: HashMap<String, String>,
    loaders: HashMap<String, Option<Loader>>,
}

impl Symbolizer {
    /// Returns the functions at an address: the inlined functions, the innermost first, and the function that contains
    /// them.
    fn frames(&mut self, address: &Address<'_>) -> Vec<String> {
        let Address {
            library, offset, ..
        } = address;
        let known = self.build_ids.get(*library).map(String::as_str);
        let Some(build_id) = address.build_id.or(known) else {
            return vec![format!(
                "{library}+{offset:#x}: the layer has no library of this name"
            )];
        };
        let path = symbols::path(&self.folder, build_id);
        let loader = self
            .loaders
            .entry(build_id.to_owned())
            .or_insert_with(|| Loader::new(path).ok());
        let Some(loader) = loader else {
            return vec![format!(
                "{library}+{offset:#x}: no symbols of build id {build_id} in {}",
                self.folder.display()
            )];
        };
        let place = if address.is_return_address {
            offset.saturating_sub(1)
        } else {
            *offset
        };
        let mut found = Vec::new();
        if let Ok(mut frames) = loader.find_frames(place) {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame.function.as_ref().and_then(|function| {
                    let name = function.demangle().ok()?;
                    Some(name.into_owned())
                });
                let location = frame.location.as_ref().map(|location| {
                    let file = location.file.unwrap_or("?");
                    match location.line {
                        Some(line) => format!("{file}:{line}"),
                        None => file.to_owned(),
                    }
                });
                found.push((name, location));
            }
        }
        // If the debug information has no name for the outermost function, use its symbol.
        let symbol = loader.find_symbol(place);
        let symbol = symbol.map(|name| demangle_auto(name.into(), None).into_owned());
        if found.is_empty() {
            found.push((None, None));
        }
        let last = found.len() - 1;
        let text = |(index, (name, location)): (usize, (Option<String>, Option<String>))| {
            let name = name.or_else(|| symbol.clone().filter(|_| index == last));
            let name = name.unwrap_or_else(|| "an unknown function".to_owned());
            match location {
                Some(location) => format!("{name} at {location}"),
                None => name,
            }
        };
        found.into_iter().enumerate().map(text).collect()
    }
}

/// Returns the addresses in a line. They are written as `libmine.so+0x1a2b4`, with or without a build id after it, or
/// as `libmine.so(+0x1a2b4)`.
fn addresses(line: &str) -> Vec<Address<'_>> {
    let mut found = Vec::new();
    for (position, _) in line.match_indices("+0x") {
        let before = line[..position]
            .strip_suffix('(')
            .unwrap_or(&line[..position]);
        let begin = before
            .rfind([' ', ',', '/', '"', '\''])
            .map_or(0, |place| place + 1);
        let library = &before[begin..];
        let after = &line[position + "+0x".len()..];
        let end = after
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(after.len());
        let Ok(offset) = u64::from_str_radix(&after[..end], 16) else {
            continue;
        };
        if !library.contains(".so") {
            continue;
        }
        let build_id = after[end..]
            .strip_prefix(" (build id ")
            .and_then(|rest| rest.split_once(')'))
            .map(|(id, _)| id)
            .filter(|id| *id != "none");
        found.push(Address {
            library,
            offset,
            build_id,
            // Every address is a return address, except the one at which a signal occurred.
            is_return_address: !before[..begin].ends_with(", in "),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_lines_of_every_kind() {
        let address = |library, offset, build_id, is_return_address| Address {
            library,
            offset,
            build_id,
            is_return_address,
        };
        for (line, expected) in [
            (
                "fatal: SIGSEGV at address 0xdead, in libcrashes.so+0x1a2b4 (build id 5f3c00), tool segfault, request 8f0c",
                vec![address("libcrashes.so", 0x1a2b4, Some("5f3c00"), false)],
            ),
            (
                "fatal: SIGABRT, called from libcrashes.so+0x10 (build id none), tool abort",
                vec![address("libcrashes.so", 0x10, None, true)],
            ),
            (
                "./lib/libmine.so(+0xab) [0x7f00000000ab]",
                vec![address("libmine.so", 0xab, None, true)],
            ),
            (
                "3: /opt/lib/liba.so+0x1 and libb.so+0x2",
                vec![
                    address("liba.so", 1, None, true),
                    address("libb.so", 2, None, true),
                ],
            ),
            ("1 +0x2 = 3, libx.so+0xzz, f+0x3", vec![]),
            ("nothing", vec![]),
        ] {
            assert_eq!(addresses(line), expected, "{line}");
        }
    }
}
