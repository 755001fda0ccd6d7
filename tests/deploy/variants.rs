//! The configurations that every way of deployment is tested with: each front door, each kind of authentication, each option
//! at least once.

use serde_json::{Map, Value, json};

use crate::archives::architectures;

/// A configuration, with the keys of the Terraform module.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) settings: Value,
}

/// Returns the entry of a token.
pub(crate) fn token() -> String {
    format!("ada:{}", "5".repeat(64))
}

/// Returns all variants.
pub(crate) fn all() -> Vec<Variant> {
    let origins = ["https://app.example.com"];
    let variant = |name, settings| Variant { name, settings };
    vec![
        variant("defaults", json!({})),
        variant(
            "jwt",
            json!({
                "auth": "jwt", "jwt": { "issuer": "https://issuer.example.com", "audience": ["mcp", "other"] },
                "allowed_origins": origins, "throttling": { "rate": 5, "burst": 7 },
            }),
        ),
        variant(
            "rest",
            json!({ "front_door": "rest_api", "allowed_origins": origins, "metrics": true }),
        ),
        variant(
            "rest-stream",
            json!({
                "front_door": "rest_api_stream", "auth": "bearer", "bearer_tokens": [token()], "session_table": false,
            }),
        ),
        variant(
            "url",
            json!({
                "front_door": "function_url", "callers": ["arn:aws:iam::111122223333:role/caller"],
                "vpc": { "subnet_ids": ["subnet-12345678"], "security_group_ids": ["sg-12345678"] },
            }),
        ),
        variant(
            "url-stream",
            json!({
                "front_door": "function_url_stream", "auth": "bearer", "bearer_tokens": [token()],
                "allowed_origins": origins, "reserved_concurrency": 5,
                "alarm_topics": ["arn:aws:sns:eu-west-1:111122223333:ops"],
            }),
        ),
        variant(
            "open",
            json!({ "front_door": "function_url", "auth": "none" }),
        ),
        variant(
            "kept-ready",
            json!({
                "provisioned_concurrency": 2,
                "code_signing_config_arn": "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0",
            }),
        ),
    ]
}

impl Variant {
    fn text(&self, setting: &str, default: &'static str) -> &str {
        self.settings[setting].as_str().unwrap_or(default)
    }

    pub(crate) fn door(&self) -> &str {
        self.text("front_door", "http_api")
    }

    pub(crate) fn auth(&self) -> &str {
        self.text("auth", "iam")
    }

    pub(crate) fn is_url(&self) -> bool {
        self.door().starts_with("function_url")
    }

    pub(crate) fn streams(&self) -> bool {
        self.door().ends_with("_stream")
    }

    pub(crate) fn has(&self, setting: &str) -> bool {
        !self.settings[setting].is_null()
    }

    pub(crate) fn has_table(&self) -> bool {
        self.settings["session_table"] != false
    }

    /// Returns the configuration for the construct of CDK.
    pub(crate) fn of_cdk(&self) -> Value {
        let mut props = camel(&self.settings);
        let name = self.name;
        for (prop, value) in [
            ("name", json!(format!("mcp-{name}"))),
            ("architecture", json!(architectures()[0])),
            ("tools", json!("tools.json")),
            ("layers", json!(["layer.zip"])),
            ("functionZip", json!("function.zip")),
        ] {
            props[prop] = value;
        }
        props
    }

    /// Returns the parameters for the template of SAM, as `NAME=VALUE`.
    pub(crate) fn of_sam(&self) -> Vec<String> {
        let mut parameters = vec![
            format!("Name=mcp-{}", self.name),
            format!("Architecture={}", architectures()[0]),
        ];
        for (name, value) in self.settings.as_object().into_iter().flatten() {
            let name = match name.as_str() {
                "callers" => "Caller".to_owned(),
                "alarm_topics" => "AlarmTopic".to_owned(),
                "vpc" | "throttling" => String::new(),
                name => pascal(name),
            };
            match value {
                Value::Object(members) => {
                    for (member, value) in members {
                        let prefix = match name.as_str() {
                            "" if member == "rate" || member == "burst" => "Throttle",
                            name => name,
                        };
                        parameters.push(format!("{prefix}{}={}", pascal(member), flat(value)));
                    }
                }
                value => parameters.push(format!("{name}={}", flat(value))),
            }
        }
        parameters
    }

    /// Returns the configuration for the module of Terraform.
    pub(crate) fn of_terraform(&self) -> Value {
        let mut arguments = self.settings.clone();
        let name = self.name;
        for (argument, value) in [
            ("source", json!("./module")),
            ("name", json!(format!("mcp-{name}"))),
            ("architecture", json!(architectures()[0])),
            ("tools", json!("tools.json")),
            (
                "layers",
                json!([{ "zip": "layer.zip", "description": "layer.json" }]),
            ),
            ("function_zip", json!("function.zip")),
            ("function_description", json!("function.json")),
        ] {
            arguments[argument] = value;
        }
        arguments
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(flat).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

fn camel(value: &Value) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let members = members.iter().map(|(name, value)| {
        let name = pascal(name);
        let (first, rest) = name.split_at(1);
        (first.to_lowercase() + rest, camel(value))
    });
    Value::Object(members.collect::<Map<_, _>>())
}
