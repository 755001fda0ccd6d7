//! From an archive to a version of a layer at AWS.

use layer_format::sha256;

use crate::{
    args,
    aws::{cli::Aws, error::Deployment, layer_download},
    error::Failure,
    exit::Exit,
    static_check::{Certain, limits::MAX_UPLOAD},
    terminal::stdout,
};

/// The runtime of functions that bring their own: the host's. Source: AWS Lambda Developer Guide, "Lambda runtimes".
const RUNTIME: &str = "provided.al2023";

/// The longest description of a version. Unit: characters. Source: AWS Lambda API Reference, "PublishLayerVersion".
const MAX_DESCRIPTION: usize = 256;

/// Publish, and print the ARN.
pub(crate) fn run(args: &args::deploy::Publish) -> anyhow::Result<Exit> {
    let certain = Certain::of(&args.layer)?;
    for finding in &certain.findings {
        eprintln!("{finding}");
    }
    if certain.fails {
        return Err(Deployment::Unfit(args.layer.clone()).into());
    }
    let cpu = certain.cpu.as_deref();
    let architecture = match cpu.ok_or_else(|| Deployment::NoCpu(args.layer.clone()))? {
        "aarch64" => "arm64",
        cpu => cpu,
    };
    if certain.size > MAX_UPLOAD && args.bucket.is_none() {
        return Err(Deployment::NeedsBucket {
            path: args.layer.clone(),
            size: certain.size,
            most: MAX_UPLOAD,
        }
        .into());
    }
    let content = std::fs::read(&args.layer);
    let content = content.map_err(|error| Failure::unreadable(&args.layer, error))?;
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
    let description = description.unwrap_or_else(|| certain.labels.join(", "));
    let description: String = description.chars().take(MAX_DESCRIPTION).collect();
    let mut words = vec![
        "lambda",
        "publish-layer-version",
        "--layer-name",
        &args.name,
    ];
    words.extend(content.iter().map(String::as_str));
    words.extend(["--compatible-runtimes", RUNTIME]);
    words.extend(["--compatible-architectures", architecture]);
    if !description.is_empty() {
        words.extend(["--description", &description]);
    }
    let Some(version) = aws.change(&words)? else {
        return Ok(Exit::Done);
    };
    let found = version["Content"]["CodeSha256"].as_str();
    let found = found.and_then(layer_download::hex).unwrap_or_default();
    if found != expected {
        let path = args.layer.clone();
        return Err(Deployment::OtherContent {
            path,
            expected,
            found,
        }
        .into());
    }
    let arn = Aws::text(&version, "LayerVersionArn", "publish-layer-version")?;
    stdout::line(arn)?;
    Ok(Exit::Done)
}
