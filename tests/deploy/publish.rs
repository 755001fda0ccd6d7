//! `cargo layer publish`: publishes an archive as a version of a layer.

use std::io::Write;

use serde_json::json;
use tests::{Account, LambdaApi, Layer, run_captured, sha256};

struct Publisher {
    lambda: LambdaApi,
    account: Account,
}

impl Publisher {
    fn new() -> Self {
        let lambda = LambdaApi::start();
        let account = Account::new(lambda.endpoint());
        Self { lambda, account }
    }

    fn publish(&self, arguments: &[&str]) -> (String, String, Option<i32>) {
        let arguments = [&["publish"], arguments].concat();
        run_captured(&mut self.account.cargo_layer(&arguments))
    }
}

#[test]
fn stdout_has_only_the_arn() {
    let publisher = Publisher::new();
    let (arn, stderr, code) = publisher.publish(&["layer.zip", "--name", "tools"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(arn, "arn:aws:lambda:eu-west-1:123456789012:layer:tools:1");
    assert!(
        stderr.contains("aws lambda publish-layer-version --layer-name tools --zip-file fileb://layer.zip --compatible-runtimes provided.al2023 --compatible-architectures "),
        "{stderr}"
    );
    let version = publisher
        .account
        .json("lambda get-layer-version --layer-name tools --version-number 1");
    let cpu = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        cpu => cpu,
    };
    assert_eq!(version["CompatibleArchitectures"], json!([cpu]));
    assert_eq!(version["CompatibleRuntimes"], json!(["provided.al2023"]));
    assert_eq!(version["Description"], "custom-tools 0.1.0");
}

#[test]
fn the_commands_of_a_dry_run_publish_the_same() {
    let publisher = Publisher::new();
    let (arn, stderr, code) = publisher.publish(&[
        "layer.zip",
        "--name",
        "tools",
        "--description",
        "two words",
        "--dry-run",
    ]);
    assert_eq!((arn.as_str(), code), ("", Some(0)), "{stderr}");
    assert_eq!(publisher.lambda.take_changes(), [""; 0]);
    publisher.account.shell(&stderr);
    let version = publisher
        .account
        .json("lambda get-layer-version --layer-name tools --version-number 1");
    assert_eq!(version["Description"], "two words");
}

#[test]
fn a_layer_that_fails_on_lambda_is_not_published() {
    let publisher = Publisher::new();
    let folder = publisher.account.folder();
    let broken = Layer::of(["custom-tools"]);
    broken.edit("custom-tools.layer.json", |manifest| {
        manifest.replacen("\"format\"", "\"form\"", 1)
    });
    broken.pack(&folder.join("broken.zip"));
    fs_err::write(folder.join("text.zip"), "no archive").expect("a file");
    let empty = Layer::empty();
    empty.put("notes.txt", "none");
    empty.pack(&folder.join("empty.zip"));
    for (file, expected) in [
        ("broken.zip", "error[MANIFEST_INVALID]"),
        ("text.zip", "error[ARCHIVE_INVALID]"),
        ("empty.zip", "error[NO_CPU]"),
        ("nothing.zip", "error[FILE_UNREADABLE]"),
    ] {
        let (arn, stderr, code) = publisher.publish(&[file, "--name", "tools"]);
        assert_eq!((arn.as_str(), code), ("", Some(1)), "{file}: {stderr}");
        assert!(stderr.contains(expected), "no {expected} in {stderr}");
    }
    let (_, stderr, code) = publisher.publish(&["layer.zip", "--name", "two words"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert_eq!(publisher.lambda.take_changes(), [""; 0]);
}

#[test]
fn a_layer_too_large_for_direct_upload_goes_through_a_bucket() {
    let publisher = Publisher::new();
    let large = publisher.account.folder().join("large.zip");
    pack_large(&large);
    let (_, stderr, code) = publisher.publish(&["large.zip", "--name", "tools"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("error[UPLOAD_TOO_LARGE]: large.zip: "),
        "{stderr}"
    );
    assert!(stderr.contains("help: name an S3 bucket"), "{stderr}");
    assert_eq!(publisher.lambda.take_changes(), [""; 0]);

    publisher.account.shell("aws s3 mb s3://layers");
    let (arn, stderr, code) =
        publisher.publish(&["large.zip", "--name", "tools", "--bucket", "layers"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(arn, "arn:aws:lambda:eu-west-1:123456789012:layer:tools:1");
    let key = format!("tools-{}.zip", sha256(&large));
    assert!(
        stderr.contains(&format!(
            "aws s3 cp --only-show-errors large.zip s3://layers/{key}"
        )),
        "{stderr}"
    );
}

/// Returns the example with more content than Lambda accepts in a direct upload: incompressible bytes of a generator of
/// pseudorandom numbers (Numerical Recipes, `ranqd1`).
fn pack_large(path: &std::path::Path) {
    let layer = Layer::of(["custom-tools"]);
    let mut number = 1_u32;
    let mut bytes = Vec::new();
    while bytes.len() < 51 << 20 {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.write_all(&number.to_be_bytes()[..2]).expect("memory");
    }
    layer.put("model.bin", bytes);
    layer.pack(path);
}
