//! `host/link-order.ld`: the functions that the linker puts side by side, as patterns of their symbols.
//!
//! The list ages: functions move, and compilers name or inline them otherwise. A function without its entry is only further away, so
//! no other test would fail. [`Coverage`] is how much of the list a build of the host still has.

use std::{collections::BTreeSet, fmt, path::Path};

use object::{Object, ObjectSymbol, SymbolKind};

/// The crates of this project in symbols: functions that move are theirs, and would be lost among those of libraries.
const OWN_CRATES: [&str; 5] = [
    "4host",
    "10tool_rules",
    "11tool_schema",
    "12layer_format",
    "12mcp_protocol",
];

/// The number of functions of the list that a program has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    all: Share,
    /// Functions of this project's crates, and of libraries for types of theirs.
    own: Share,
}

/// The number of functions that are listed, and that of those among them that are found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Share {
    listed: usize,
    found: usize,
}

impl Share {
    fn count(&mut self, is_found: bool) {
        self.listed += 1;
        self.found += usize::from(is_found);
    }

    fn is_half(&self) -> bool {
        self.listed > 0 && self.found * 2 >= self.listed
    }
}

impl Coverage {
    /// Counts the functions of this linker script that are among these symbols.
    pub fn measure<'a>(script: &str, symbols: impl IntoIterator<Item = &'a str>) -> Self {
        let patterns: BTreeSet<_> = symbols.into_iter().map(pattern).collect();
        let mut coverage = Self::default();
        for listed in script.lines().filter_map(listed) {
            let is_found = patterns.contains(listed);
            coverage.all.count(is_found);
            if OWN_CRATES.iter().any(|own| listed.contains(own)) {
                coverage.own.count(is_found);
            }
        }
        coverage
    }

    /// Checks that most are there, of all and of this project's own.
    ///
    /// # Errors
    /// When fewer than half are: how to renew the list.
    pub fn check(&self) -> Result<(), String> {
        if self.all.is_half() && self.own.is_half() {
            return Ok(());
        }
        Err(format!(
            "{self}, fewer than half: renew it by `cargo bench -p bench --bench lambda -- --order`, which needs valgrind"
        ))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { all, own } = self;
        write!(
            f,
            "the host has {} of the {} functions in host/link-order.ld, {} of the {} of its own crates",
            all.found, all.listed, own.found, own.listed
        )
    }
}

/// Returns the symbols of a program's functions.
pub fn symbols(program: &Path) -> BTreeSet<String> {
    let bytes = fs_err::read(program).expect("the program can be read");
    let file = object::File::parse(bytes.as_slice()).expect("the program is an ELF file");
    let functions = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
    let names = functions.filter_map(|symbol| symbol.name().ok());
    names.map(str::to_owned).collect()
}

/// Returns the line of the linker script for a pattern.
pub fn entry(pattern: &str) -> String {
    // The compiler puts rarely run functions into .text.unlikely.
    format!("    *(.text*.{pattern})")
}

/// Returns the pattern in a line of the linker script; `None`: it has none.
fn listed(line: &str) -> Option<&str> {
    line.trim().strip_prefix("*(.text*.")?.strip_suffix(')')
}

/// Returns the pattern for a symbol: any hashes will do, as they change with the compiler and its settings.
///
/// Sources: The rustc book, "v0 Symbol Format", "Disambiguator": a number in base 62 of 64 bits between `s` and `_`. LLVM puts the
/// hash of a module behind `.llvm.`, or a number behind a dot, where a name is there twice.
pub fn pattern(symbol: &str) -> String {
    // Neither has a dot in it otherwise.
    let (symbol, suffix) = match symbol.split_once('.') {
        Some((symbol, _)) => (symbol, ".*"),
        None => (symbol, ""),
    };
    let mut pattern = String::new();
    let mut rest = symbol;
    while let Some(at) = rest.find("Cs") {
        let (before, after) = rest.split_at(at + 2);
        pattern.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric());
        rest = match end {
            Some(end) if (9..=11).contains(&end) && after[end..].starts_with('_') => {
                pattern.push('*');
                &after[end..]
            }
            _ => after,
        };
    }
    pattern + rest + suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &str = "\
SECTIONS
{
  .text.often :
  {
    *(.text*._RNvCs*_4host5start)
    *(.text*._RNvNtCs*_4host6server4call)
    *(.text*._RNvCs*_5tokio4wake.*)
    *(.text*.main)
  }
}
";

    #[test]
    fn functions_are_found_with_any_hash() {
        for (symbols, all, own) in [
            (&["_RNvCs1234567890_4host5start"][..], 1, 1),
            (
                &["_RNvCsabcdefghi_4host5start", "_RNvCsabcdefghi_4host5other"],
                1,
                1,
            ),
            (&["_RNvCs1234567890_5tokio4wake.llvm.987"], 1, 0),
            // Without a dot the linker does not find it either.
            (&["_RNvCs1234567890_5tokio4wake"], 0, 0),
            // It has moved.
            (&["_RNvNtCs1234567890_4host8dispatch4call"], 0, 0),
            (&["main", "_RNvCs1234567890_4host5start", "main"], 2, 1),
            (&[], 0, 0),
        ] {
            let coverage = Coverage::measure(FOUR, symbols.iter().copied());
            let expected = Coverage {
                all: share(4, all),
                own: share(2, own),
            };
            assert_eq!(coverage, expected, "{symbols:?}");
        }
    }

    fn share(listed: usize, found: usize) -> Share {
        Share { listed, found }
    }

    #[test]
    fn a_list_with_less_than_half_coverage_must_be_renewed() {
        for (all, own, is_enough) in [
            (share(4, 4), share(2, 2), true),
            (share(4, 2), share(2, 1), true),
            (share(4, 1), share(2, 1), false),
            (share(5, 2), share(2, 1), false),
            // Those of libraries are all there.
            (share(8, 6), share(2, 0), false),
            (share(0, 0), share(0, 0), false),
        ] {
            let coverage = Coverage { all, own };
            let checked = coverage.check();
            assert_eq!(checked.is_ok(), is_enough, "{coverage}");
        }
        let stale = Coverage {
            all: share(970, 601),
            own: share(414, 1),
        };
        assert_eq!(
            stale.check().expect_err("too few"),
            "the host has 601 of the 970 functions in host/link-order.ld, 1 of the 414 of its own crates, fewer than half: renew it \
             by `cargo bench -p bench --bench lambda -- --order`, which needs valgrind"
        );
    }

    #[test]
    fn an_entry_of_the_script_is_read_back() {
        let pattern = pattern("_RNvCs1234567890_5tokio4wake.llvm.987");
        assert_eq!(listed(&entry(&pattern)), Some("_RNvCs*_5tokio4wake.*"));
        for line in [
            "SECTIONS",
            "  .text.often :",
            "  {",
            "",
            "INSERT BEFORE .text;",
        ] {
            assert_eq!(listed(line), None, "{line}");
        }
    }
}
