//! Watches sources for changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use ignore::{DirEntry, WalkBuilder};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::builder::Sources;

/// The time without further changes to wait for after a change: programs that save many files save them one after the
/// other.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// A watch for changes. It ends when it is dropped.
pub(crate) struct Watch<'a> {
    sources: &'a Sources,
    /// The state of the files when the watch began.
    seen: Snapshot,
    events: UnboundedReceiver<()>,
    /// Whether an event has arrived that has not been checked yet.
    has_event: bool,
    /// The watcher; `None` if the system has no notifications about files.
    _watcher: Option<RecommendedWatcher>,
}

/// The modification time and the length of each file.
type Snapshot = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

impl<'a> Watch<'a> {
    /// Watches the folders with sources. Each folder is watched separately: watching a whole tree would include cargo's
    /// output, which has thousands of folders.
    pub(crate) fn new(sources: &'a Sources) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let on_event = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // Ignore the error: the watch has ended.
                let _ = sender.send(());
            }
        };
        let watcher = notify::recommended_watcher(on_event).and_then(|mut watcher| {
            for folder in folders(sources) {
                match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                    // The folder was removed meanwhile.
                    Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                    done => done?,
                }
            }
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            message!(
                "warning: sources cannot be watched for changes: {error}{}",
                help(error)
            );
        }
        Self {
            // Take the snapshot after the watch has begun, so that no change in between is missed.
            seen: snapshot(sources),
            sources,
            events,
            has_event: false,
            _watcher: watcher.ok(),
        }
    }

    /// Waits for a change, and then until there are no further changes for a moment. If the wait is cancelled, the
    /// change is not lost.
    pub(crate) async fn changed(&mut self) {
        loop {
            if !self.has_event && self.events.recv().await.is_none() {
                // Without a watcher there are no events: wait forever.
                std::future::pending::<()>().await;
            }
            self.has_event = true;
            while let Ok(Some(())) = tokio::time::timeout(DEBOUNCE, self.events.recv()).await {}
            self.has_event = false;
            // The event may be about a file that is not watched, so compare the files.
            if snapshot(self.sources) != self.seen {
                return;
            }
        }
    }
}

/// Returns the files of a tree to watch.
fn walk(tree: &Path, excluded: &Path) -> impl Iterator<Item = DirEntry> {
    let excluded = excluded.to_owned();
    let walk = WalkBuilder::new(tree)
        .require_git(false)
        .filter_entry(move |entry| entry.path() != excluded)
        .build();
    // Ignore files that cannot be read: a build could not read them either.
    walk.filter_map(Result::ok)
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

fn folders(sources: &Sources) -> BTreeSet<PathBuf> {
    let in_trees = sources.trees.iter().flat_map(|tree| {
        walk(tree, &sources.excluded)
            .filter(is_folder)
            .map(DirEntry::into_path)
    });
    let beside_files = sources.files.iter().filter_map(|file| file.parent());
    let beside_files = beside_files.map(|folder| match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    });
    in_trees.chain(beside_files).collect()
}

fn snapshot(sources: &Sources) -> Snapshot {
    let in_trees = sources.trees.iter().flat_map(|tree| {
        walk(tree, &sources.excluded)
            .filter(|entry| !is_folder(entry))
            .map(DirEntry::into_path)
    });
    let files = in_trees.chain(sources.files.iter().cloned());
    let seen = files.filter_map(|path| {
        let metadata = path.metadata().ok()?;
        Some((path, (metadata.modified().ok(), metadata.len())))
    });
    seen.collect()
}

fn help(error: &notify::Error) -> &'static str {
    match error.kind {
        ErrorKind::MaxFilesWatch => {
            "\n  help: raise the limit with `sysctl fs.inotify.max_user_watches=524288`"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(folder: &Path) -> Sources {
        Sources {
            trees: [folder.join("crate")].into(),
            files: [folder.join(".env")].into(),
            excluded: folder.join("crate/target"),
        }
    }

    #[tokio::test]
    async fn a_change_is_reported_after_a_cancelled_wait() {
        let folder = tempfile::tempdir().expect("a folder");
        fs_err::create_dir(folder.path().join("crate")).expect("a folder");
        let sources = sources(folder.path());
        let mut watch = Watch::new(&sources);
        fs_err::write(folder.path().join("crate/a.rs"), "").expect("a file");
        // Shorter than the quiet time.
        let cut = tokio::time::timeout(DEBOUNCE / 3, watch.changed()).await;
        if cut.is_err() {
            watch.changed().await;
        }
    }

    #[tokio::test]
    async fn ignored_built_and_outside_files_are_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        for inside in ["target/debug", "ignored", "src/deep"] {
            fs_err::create_dir_all(folder.path().join("crate").join(inside)).expect("a folder");
        }
        let ignored = folder.path().join("crate/.gitignore");
        fs_err::write(ignored, "/ignored\n*.zip\n").expect("a file");
        let sources = sources(folder.path());
        for (file, is_seen) in [
            ("crate/target/debug/lib.so", false),
            ("crate/ignored/note.txt", false),
            ("crate/layer.zip", false),
            ("history", false),
            ("crate/src/deep/new.rs", true),
            ("crate/Cargo.toml", true),
            (".env", true),
        ] {
            let mut watch = Watch::new(&sources);
            fs_err::write(folder.path().join(file), "x").expect("a file");
            let limit = if is_seen {
                DEBOUNCE * 200
            } else {
                DEBOUNCE * 3
            };
            let seen = tokio::time::timeout(limit, watch.changed()).await.is_ok();
            assert_eq!(seen, is_seen, "{file}");
        }
    }
}
