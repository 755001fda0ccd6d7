//! Checks Lambda's limits for archives, layers and environment variables.

use crate::{
    archive::read::EntryKind,
    aws::lambda::{MAX_ENVIRONMENT, MAX_LAYERS},
    finding::{Finding, FindingCode},
    static_check::subject::{Layer, Subject},
};

/// Lambda's limits for the size of an archive that is uploaded directly, and for the unzipped size of a function and
/// its layers. Unit: bytes. Source: AWS Lambda Developer Guide, "Lambda quotas".
pub(crate) const MAX_UPLOAD: u64 = 50 << 20;
const MAX_UNZIPPED: u64 = 250 << 20;

/// The permissions that all users need on files and on folders, because a function does not run as the owner of its
/// files.
const MODE_READ: u32 = 0o004;
const MODE_ENTER: u32 = 0o005;
const MODE_RUN: u32 = 0o005;

/// The environment variables with which a function selects from the plugins and tools in its layers.
#[derive(Debug, Default)]
pub(crate) struct SelectionOptions {
    /// The entries of `ENTRY_FILE`.
    pub(crate) entry_file: Vec<String>,
    /// The entries of `TOOLS_LIST`.
    pub(crate) tools_list: Vec<String>,
}

/// Checks these layers and their function. `count` is the number of all layers, including those that cannot be read.
pub(crate) fn check(
    subject: &Subject,
    count: usize,
    selection: &SelectionOptions,
    findings: &mut Vec<Finding>,
) {
    if count > MAX_LAYERS {
        findings.push(Finding::new(
            FindingCode::LayersTooMany,
            format!("{count} layers, but a function can have at most {MAX_LAYERS}"),
            "build several plugins into one layer: `cargo layer build -p ONE -p TWO`",
        ));
    }
    for layer in subject.layers.iter().chain(&subject.host) {
        check_archive(layer, findings);
    }
    if let Some(host) = &subject.host {
        check_function(host, findings);
    }
    check_overwrites(&subject.layers, findings);
    let all = subject.layers.iter().chain(&subject.host);
    let unzipped: u64 = all.map(|layer| layer.archive.unpacked_size()).sum();
    if unzipped > MAX_UNZIPPED {
        findings.push(Finding::new(
            FindingCode::LayersTooLarge,
            format!("{unzipped} bytes unzipped, but function and layers together can have at most {MAX_UNZIPPED}"),
            "leave out plugins, or files that they include",
        ));
    }
    check_environment(selection, findings);
}

fn check_archive(layer: &Layer, findings: &mut Vec<Finding>) {
    let size = layer.archive.size;
    if size > MAX_UPLOAD {
        findings.push(Finding::new(
            FindingCode::UploadTooLarge,
            format!(
                "{}: {size} bytes, but at most {MAX_UPLOAD} can be uploaded directly",
                layer.archive.path.display()
            ),
            "upload it through S3: `--content S3Bucket=...,S3Key=...` instead of `--zip-file`",
        ));
    }
    let files = layer.archive.files.iter();
    for file in files.filter(|file| file.link_target.is_none()) {
        let needed = match file.kind {
            EntryKind::File => MODE_READ,
            EntryKind::Folder => MODE_ENTER,
            EntryKind::Link => continue,
        };
        if let Some(mode) = file.mode.filter(|mode| mode & needed != needed) {
            findings.push(Finding::new(
                FindingCode::ArchiveMode,
                format!(
                    "{}: has the mode {:03o}, so a function cannot read it",
                    layer.location(&file.path),
                    mode & 0o777
                ),
                "pack files with mode 644 and folders with 755, as `cargo layer build` does",
            ));
        }
    }
}

/// Checks that the function's own code has a `bootstrap`, which Lambda starts.
fn check_function(host: &Layer, findings: &mut Vec<Finding>) {
    let bootstrap = host
        .archive
        .files
        .iter()
        .find(|file| file.path == "bootstrap");
    let problem = match bootstrap {
        None => "has no file `bootstrap`".to_owned(),
        Some(file) if file.mode.is_some_and(|mode| mode & MODE_RUN != MODE_RUN) => {
            "`bootstrap` is not executable for everyone".to_owned()
        }
        Some(_)
            if !host
                .libraries
                .iter()
                .any(|library| library.path == "bootstrap") =>
        {
            "`bootstrap` is not a program".to_owned()
        }
        Some(_) => return,
    };
    findings.push(Finding::new(
        FindingCode::FunctionInvalid,
        format!("{}: {problem}", host.archive.path.display()),
        "build it with `cargo layer host`",
    ));
}

/// Checks whether files of different layers overwrite each other: Lambda unpacks all layers into one folder.
fn check_overwrites(layers: &[Layer], findings: &mut Vec<Finding>) {
    for (index, later) in layers.iter().enumerate() {
        let files = later
            .archive
            .files
            .iter()
            .filter(|file| file.kind != EntryKind::Folder);
        for file in files {
            let same = |earlier: &&Layer| {
                let mut files = earlier.archive.files.iter();
                files.any(|other| other.path == file.path && other.content != file.content)
            };
            if let Some(earlier) = layers[..index].iter().rfind(same) {
                findings.push(Finding::new(
                    FindingCode::FileOverwritten,
                    format!(
                        "{}: overwrites another file of this name in {}",
                        later.location(&file.path),
                        earlier.archive.path.display()
                    ),
                    "give the plugins different names, and the layers different names with --name",
                ));
            }
        }
    }
}

fn check_environment(selection: &SelectionOptions, findings: &mut Vec<Finding>) {
    let lists = [
        ("ENTRY_FILE", &selection.entry_file),
        ("TOOLS_LIST", &selection.tools_list),
    ];
    let set = lists.iter().filter(|(_, list)| !list.is_empty());
    let size: usize = set
        .map(|(name, list)| name.len() + list.join(",").len())
        .sum();
    if size > MAX_ENVIRONMENT {
        findings.push(Finding::new(
            FindingCode::EnvironmentTooLarge,
            format!("ENTRY_FILE and TOOLS_LIST take {size} bytes, but all variables of a function may take at most {MAX_ENVIRONMENT}"),
            "write patterns in TOOLS_LIST, such as `get*`, or build the layer's default tools into it: `cargo layer build --tools`",
        ));
    }
}
