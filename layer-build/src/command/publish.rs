//! `publish`: publishes an archive as a version of a layer on AWS.

use layer_format::sha256;

use crate::{
    args,
    aws::{cli::Aws, error::DeployError, layer_download},
    error::CliError,
    exit::Exit,
    static_check::{StaticReport, limits::MAX_UPLOAD},
    terminal::stdout,
};

/// The Lambda runtime for functions that bring their own program, such as the host. Source: AWS Lambda Developer Guide,
/// "Lambda runtimes".
const RUNTIME: &str = "provided.al2023";

/// The longest description of a version. Unit: characters. Source: AWS Lambda API Reference, "PublishLayerVersion".
const MAX_DESCRIPTION: usize = 256;

/// Publishes the layer, and prints the ARN of the version.
pub(crate) fn run(args: &args::deploy::Publish) -> anyhow::Result<Exit> {
    let report = StaticReport::read(&args.layer)?;
    for finding in &report.findings {
        message!("{finding}");
    }
    if report.fails {
        return Err(DeployError::FailsOnLambda(args.layer.clone()).into());
    }
    let cpu = report.cpu.as_deref();
    let architecture = match cpu.ok_or_else(|| DeployError::NoCpu(args.layer.clone()))? {
        "aarch64" => "arm64",
        cpu => cpu,
    };
    if report.size > MAX_UPLOAD && args.bucket.is_none() {
        return Err(DeployError::NeedsBucket {
            path: args.layer.clone(),
            size: report.size,
            max: MAX_UPLOAD,
        }
        .into());
    }
    let content = std::fs::read(&args.layer);
    let content = content.map_err(|error| CliError::unreadable(&args.layer, error))?;
    let expected = sha256(&content);
    let aws = Aws::new(args.aws.options());
    let path = args.layer.display().to_string();
    let content = match &args.bucket {
        None => ["--zip-file".to_owned(), format!("fileb://{path}")],
        Some(bucket) => {
            let key = format!("{}-{expected}.zip", args.name);
            let place = format!("s3://{bucket}/{key}");
            aws.run(&["s3", "cp", "--only-show-errors", &path, &place])?;
            let place = format!("S3Bucket={bucket},S3Key={key}");
            ["--content".to_owned(), place]
        }
    };
    let description = args.description.clone();
    let description = description.unwrap_or_else(|| report.labels.join(", "));
    let description: String = description.chars().take(MAX_DESCRIPTION).collect();
    let mut command = vec![
        "lambda",
        "publish-layer-version",
        "--layer-name",
        &args.name,
    ];
    command.extend(content.iter().map(String::as_str));
    command.extend(["--compatible-runtimes", RUNTIME]);
    command.extend(["--compatible-architectures", architecture]);
    if !description.is_empty() {
        command.extend(["--description", &description]);
    }
    let Some(version) = aws.mutate(&command)? else {
        return Ok(Exit::Done);
    };
    let found = version["Content"]["CodeSha256"].as_str();
    let found = found
        .and_then(layer_download::hex_from_base64)
        .unwrap_or_default();
    if found != expected {
        let path = args.layer.clone();
        return Err(DeployError::OtherContent {
            path,
            expected,
            found,
        }
        .into());
    }
    let arn = Aws::text_member(&version, "LayerVersionArn", "publish-layer-version")?;
    stdout::line(arn)?;
    Ok(Exit::Done)
}
