//! Temporary folders. They are removed when they are dropped. If this program is killed, its folders are removed when
//! it next creates temporary folders.

use std::{io, path::Path, sync::Once};

use rustix::process::{Pid, test_kill_process};
use tempfile::{Builder, TempDir};

/// The prefix of their names. The id of the process that created the folder follows.
const PREFIX: &str = "cargo-layer-";

/// Creates a folder in the system's folder for temporary files.
pub(crate) fn create() -> io::Result<TempDir> {
    static SWEPT: Once = Once::new();
    let parent = std::env::temp_dir();
    SWEPT.call_once(|| remove_stale(&parent));
    create_in(&parent)
}

/// Creates a folder in this one.
pub(crate) fn create_in(parent: &Path) -> io::Result<TempDir> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    Builder::new().prefix(&prefix).tempdir_in(parent)
}

/// Removes the folders of processes that no longer exist.
pub(crate) fn remove_stale(parent: &Path) {
    // Ignore folders that cannot be removed, for example because they belong to another user.
    let entries = std::fs::read_dir(parent).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner = name.to_str().and_then(owner_pid);
        if owner.is_some_and(|owner| test_kill_process(owner) == Err(rustix::io::Errno::SRCH)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn owner_pid(name: &str) -> Option<Pid> {
    let (pid, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Pid::from_raw(pid.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_ended_processes_are_removed() {
        let parent = tempfile::tempdir().expect("a folder");
        let mut ended = std::process::Command::new("true")
            .spawn()
            .expect("a process");
        ended.wait().expect("it ends");
        let names = [
            (format!("{PREFIX}{}-abc", ended.id()), false),
            (format!("{PREFIX}{}-abc", std::process::id()), true),
            (format!("{PREFIX}x-abc"), true),
            ("another".to_owned(), true),
        ];
        for (name, _) in &names {
            std::fs::create_dir_all(parent.path().join(name).join("lib")).expect("a folder");
        }
        remove_stale(parent.path());
        let own = create_in(parent.path()).expect("a folder");
        for (name, stays) in &names {
            assert_eq!(parent.path().join(name).exists(), *stays, "{name}");
        }
        let path = own.path().to_owned();
        drop(own);
        assert!(!path.exists());
    }
}
