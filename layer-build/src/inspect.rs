//! Will this file run on Amazon Linux 2023? Read from its dynamic symbols.

use std::path::Path;

use object::{LittleEndian, elf::FileHeader64, read::elf::FileHeader};

use crate::error::Failure;

/// The glibc of Amazon Linux 2023, on which `provided.al2023` runs.
/// Source: AWS, "Amazon Linux 2023 User Guide", "glibc".
const AMAZON_LINUX_2023: (u32, u32) = (2, 34);

/// Check that the file needs no symbol of a newer glibc.
pub(crate) fn check_glibc(path: &Path) -> anyhow::Result<()> {
    let data = fs_err::read(path)?;
    let newest = newest_glibc(&data).map_err(|error| Failure::Library {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    match newest {
        Some(found) if found > AMAZON_LINUX_2023 => Err(Failure::Glibc {
            path: path.to_owned(),
            found: format!("GLIBC_{}.{}", found.0, found.1),
            ceiling: AMAZON_LINUX_2023,
        }
        .into()),
        _ => Ok(()),
    }
}

/// The newest version of glibc that the file names, as major and minor number.
fn newest_glibc(data: &[u8]) -> object::Result<Option<(u32, u32)>> {
    let header = FileHeader64::<LittleEndian>::parse(data)?;
    let sections = header.sections(LittleEndian, data)?;
    let Some((mut needs, strings)) = sections.gnu_verneed(LittleEndian, data)? else {
        return Ok(None);
    };
    let strings = sections.strings(LittleEndian, data, strings)?;
    let mut newest = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = version.name(LittleEndian, strings)?;
            newest = newest.max(std::str::from_utf8(name).ok().and_then(glibc_version));
        }
    }
    Ok(newest)
}

/// `GLIBC_2.34` -> (2, 34), `GLIBC_2.2.5` -> (2, 2)
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert!(glibc_version("GLIBC_2.9") < glibc_version("GLIBC_2.34"));
    }

    #[test]
    fn the_newest_glibc_of_this_very_test_is_found() {
        let data = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        assert!(
            newest_glibc(&data)
                .unwrap()
                .is_some_and(|(major, minor)| major == 2 && minor >= 17)
        );
    }
}
