//! Reads `.env`, a file with environment variables for tools.

use std::path::Path;

use crate::error::CliError;

/// Reads the environment variables in a file. If the file is missing, that is an error only if it is required.
pub(crate) fn read(path: &Path, is_required: bool) -> Result<Vec<(String, String)>, CliError> {
    let failed = |problem: String| CliError::EnvFile {
        path: path.to_owned(),
        problem,
    };
    let items = match dotenvy::from_path_iter(path) {
        Err(error) if error.not_found() && !is_required => return Ok(Vec::new()),
        items => items.map_err(|error| failed(redacted_message(&error, path)))?,
    };
    let variables = items
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(redacted_message(&error, path)))?;
    match variables.iter().find(|(_, value)| value.contains('\0')) {
        Some((name, _)) => Err(failed(format!("the value of {name} contains a NUL"))),
        None => Ok(variables),
    }
}

/// Returns the message of an error without the text of the file, which may be a secret.
fn redacted_message(error: &dotenvy::Error, path: &Path) -> String {
    match error {
        dotenvy::Error::LineParse(text, _) => {
            let file = fs_err::read_to_string(path).unwrap_or_default();
            let is_it = |line: &str| !line.trim().is_empty() && text.starts_with(line);
            let number = file.lines().position(is_it).map(|before| before + 1);
            let place = number
                .map(|number| format!("line {number} "))
                .unwrap_or_default();
            format!("{place}is not of the form NAME=value; put a value with spaces in quotes")
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_and_errors_show_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        assert_eq!(read(&path, false).expect("nothing"), []);
        let missing = read(&path, true).expect_err("it was asked for");
        assert!(missing.to_string().contains("cannot be used"), "{missing}");
        for (text, expected) in [
            ("", Ok(vec![])),
            (
                "# a comment\nexport A=1\nB='two words' # why\n\nPATH=x\n",
                Ok(vec![("A", "1"), ("B", "two words"), ("PATH", "x")]),
            ),
            ("KEY='s3cret", Err("line 1 is not of the form NAME=value")),
            ("s3cret", Err("line 1 is not of the form NAME=value")),
            ("\nA=1\nab/cd+s3cret==", Err("line 3 is not of the form")),
            ("A=1\ns3cret value = x", Err("line 2 is not of the form")),
            ("A='s3cret\0'", Err("the value of A contains a NUL")),
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
