//! Tell when a source has changed.

use std::{path::Path, time::Duration};

use ignore::WalkBuilder;
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::workshop::Sources;

/// How long it must be quiet after a change: programs that save many files do so one after the other.
const QUIET: Duration = Duration::from_millis(150);

/// Watches until it is dropped.
pub(crate) struct Watch {
    changes: UnboundedReceiver<()>,
    /// Was there a change of which nobody was told yet?
    has_changed: bool,
    /// None where the system does not tell.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watch the folders with sources, but not what git ignores. Each on its own, since a whole tree would include what cargo
    /// builds, with thousands of folders.
    pub(crate) fn over(sources: &Sources) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let heard = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // Nobody hears it once the watch has ended.
                let _ = sender.send(());
            }
        };
        let watcher = notify::recommended_watcher(heard).and_then(|mut watcher| {
            for folder in &sources.folders {
                watch(&mut watcher, folder)?;
            }
            for tree in &sources.trees {
                let except = sources.except.clone();
                let walk = WalkBuilder::new(tree)
                    .require_git(false)
                    .filter_entry(move |entry| entry.path() != except)
                    .build();
                // What cannot be read cannot be built from either.
                for entry in walk.filter_map(Result::ok) {
                    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                        watch(&mut watcher, entry.path())?;
                    }
                }
            }
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            eprintln!("warning: changes are not seen: {error}{}", help(error));
        }
        Self {
            changes,
            has_changed: false,
            _watcher: watcher.ok(),
        }
    }

    /// Wait for a change, and until it is quiet after it. Whoever stops waiting does not miss it the next time.
    pub(crate) async fn changed(&mut self) {
        if !self.has_changed && self.changes.recv().await.is_none() {
            // Nobody tells of any.
            std::future::pending::<()>().await;
        }
        self.has_changed = true;
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
        self.has_changed = false;
    }
}

fn watch(watcher: &mut RecommendedWatcher, folder: &Path) -> notify::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    match watcher.watch(folder, RecursiveMode::NonRecursive) {
        // It has gone meanwhile.
        Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => Ok(()),
        done => done,
    }
}

fn help(error: &notify::Error) -> &'static str {
    match error.kind {
        ErrorKind::MaxFilesWatch => {
            "\n  help: the system allows more by `sysctl fs.inotify.max_user_watches=524288`"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_told_although_the_wait_for_it_was_broken_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut watch = Watch::over(&Sources {
            trees: [folder.path().to_owned()].into(),
            folders: [].into(),
            except: folder.path().join("target"),
        });
        fs_err::write(folder.path().join("a.rs"), "").expect("a file");
        // Shorter than it must be quiet.
        let cut = tokio::time::timeout(QUIET / 3, watch.changed()).await;
        if cut.is_err() {
            watch.changed().await;
        }
    }

    #[tokio::test]
    async fn what_git_ignores_and_what_cargo_writes_is_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        for inside in ["target/debug", "ignored", "src/deep"] {
            fs_err::create_dir_all(folder.path().join(inside)).expect("a folder");
        }
        fs_err::write(folder.path().join(".gitignore"), "/ignored\n").expect("a file");
        let mut watch = Watch::over(&Sources {
            trees: [folder.path().to_owned()].into(),
            folders: [].into(),
            except: folder.path().join("target"),
        });
        for (file, is_seen) in [
            ("target/debug/lib.so", false),
            ("ignored/note.txt", false),
            ("src/deep/new.rs", true),
            ("Cargo.toml", true),
        ] {
            fs_err::write(folder.path().join(file), "x").expect("a file");
            let limit = if is_seen { QUIET * 200 } else { QUIET * 3 };
            let seen = tokio::time::timeout(limit, watch.changed()).await.is_ok();
            assert_eq!(seen, is_seen, "{file}");
        }
    }
}
