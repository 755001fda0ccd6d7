//! `.env`: what tools find in their environment, without its being in that of the shell.

use std::path::Path;

use crate::error::Failure;

/// The variables of a file that the shell does not set. A file that nobody asked for need not be there.
pub(crate) fn read(path: &Path, is_wanted: bool) -> Result<Vec<(String, String)>, Failure> {
    let failed = |problem: String| Failure::EnvFile {
        path: path.to_owned(),
        problem,
    };
    let items = match dotenvy::from_path_iter(path) {
        Err(error) if error.not_found() && !is_wanted => return Ok(Vec::new()),
        items => items.map_err(|error| failed(without_values(&error)))?,
    };
    let variables = items
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(without_values(&error)))?;
    let is_new = |(name, _): &(String, String)| std::env::var_os(name).is_none();
    Ok(variables.into_iter().filter(is_new).collect())
}

/// What is wrong, without what stands there: it may be a secret.
fn without_values(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(line, _) => {
            let name = line.split_once('=').map(|(name, _)| name.trim());
            match name {
                Some(name) => format!("the value of {name} cannot be read; write NAME='value'"),
                None => "a line is not of the form NAME=value".to_owned(),
            }
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_and_what_is_wrong_is_told_without_the_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        assert_eq!(read(&path, false).expect("nothing"), []);
        let missing = read(&path, true).expect_err("it was asked for");
        assert!(missing.to_string().contains("cannot be used"), "{missing}");
        for (text, expected) in [
            ("", Ok(vec![])),
            (
                "# a comment\nexport A=1\nB='two words' # why\n\nPATH=x\n",
                Ok(vec![("A", "1"), ("B", "two words")]),
            ),
            ("KEY='s3cret", Err("the value of KEY cannot be read")),
            ("s3cret", Err("a line is not of the form NAME=value")),
        ] {
            fs_err::write(&path, text).expect("a file");
            match (read(&path, false), expected) {
                (Ok(read), Ok(expected)) => {
                    let read: Vec<_> = read.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                    assert_eq!(read, expected, "{text}");
                }
                (Err(error), Err(expected)) => {
                    let error = error.to_string();
                    assert!(error.contains(expected), "{error}");
                    assert!(!error.contains("s3cret"), "{error}");
                }
                (read, expected) => panic!("{text}: {read:?}, not {expected:?}"),
            }
        }
    }
}
