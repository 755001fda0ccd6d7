//! Versions of glibc, which systems provide and files need.

use std::str::FromStr;

/// The glibc of Amazon Linux 2023, on which `provided.al2023` runs.
/// Source: AWS, "Amazon Linux 2023 User Guide", "glibc".
pub(crate) const AMAZON_LINUX_2023: Glibc = Glibc(2, 34);

/// A version of glibc: major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Glibc(pub(crate) u32, pub(crate) u32);

impl std::fmt::Display for Glibc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GLIBC_{}.{}", self.0, self.1)
    }
}

impl FromStr for Glibc {
    type Err = &'static str;

    /// Parses a version such as `2.34`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('.');
        let numbers =
            numbers.and_then(|(major, minor)| Some(Self(major.parse().ok()?, minor.parse().ok()?)));
        numbers.ok_or("write it like 2.34")
    }
}
