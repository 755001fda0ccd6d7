//! Versions of layers, which ARNs identify.

use std::{fmt, str::FromStr};

/// A version of a layer, identified by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerVersion {
    /// `arn:aws:lambda:REGION:ACCOUNT:layer:NAME`
    pub(crate) layer: String,
    pub(crate) version: String,
}

impl FromStr for LayerVersion {
    type Err = String;

    fn from_str(arn: &str) -> Result<Self, String> {
        let parts: Vec<_> = arn.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "lambda", _, _, "layer", name, version]
                if !name.is_empty() && version.parse::<u64>().is_ok() =>
            {
                Ok(Self {
                    layer: parts[..7].join(":"),
                    version: (*version).to_owned(),
                })
            }
            _ => Err("write the ARN of a layer's version, arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION, which `cargo layer publish` prints".to_owned()),
        }
    }
}

impl fmt::Display for LayerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.layer, self.version)
    }
}

/// Returns the names of layers, for output.
pub(crate) fn display_names(layers: &[LayerVersion]) -> String {
    let name = |layer: &LayerVersion| {
        let name = layer.layer.rsplit(':').next().unwrap_or_default();
        format!("{name}:{}", layer.version)
    };
    match layers {
        [] => "no layer".to_owned(),
        layers => layers.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_arn_is_distinguished_from_a_layer_arn() {
        let layer = "arn:aws:lambda:eu-west-1:123456789012:layer:tools";
        let parsed = format!("{layer}:7").parse::<LayerVersion>();
        let expected = LayerVersion {
            layer: layer.to_owned(),
            version: "7".to_owned(),
        };
        assert_eq!(parsed, Ok(expected));
        for arn in [
            layer,
            "tools:7",
            "",
            "arn:aws:s3:::layer:tools:7",
            "arn:aws:lambda:r:a:layer:tools:x",
        ] {
            let error = arn.parse::<LayerVersion>().expect_err(arn);
            assert!(error.contains("layer:NAME:VERSION"), "{arn}: {error}");
        }
    }
}
