//! The folders of the repository and of the harness.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Returns the root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the repository")
}

/// Returns the folder of the harness's artifacts.
pub fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        // The test binary is in target/PROFILE/deps.
        let binary = std::env::current_exe().expect("this program has a path");
        let target = binary
            .ancestors()
            .nth(3)
            .expect("cargo's target folder")
            .join("e2e");
        fs_err::create_dir_all(&target).expect("target/e2e can be made");
        target
    })
}

/// Holds the lock `name` while `work` runs: other test processes wait.
pub(crate) fn locked<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let file = fs_err::File::create(target().join(format!("{name}.lock")))
        .expect("a lock file can be made");
    file.file().lock().expect("the lock can be taken");
    work()
}
