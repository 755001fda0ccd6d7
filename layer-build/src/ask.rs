//! Tools asked from the command line: of a layer or of a crate through the real host, or of any server by its URL.

use std::{
    io::Read,
    process::Command,
    str::FromStr,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::Duration,
};

use anyhow::Context;
use serde_json::{Map, Value};
use tempfile::TempDir;
use ureq::http::{HeaderName, HeaderValue};

use crate::{
    archive, child, cli,
    client::Client,
    contents::{Contents, in_archives},
    dev::variables,
    error::Failure,
    exit::Exit,
    layer::{self, Label, Recipe},
    out, packages,
    running::Running,
    scratch,
};

/// How long a host may take to end that has cut its connections. Unit: seconds. Source: ours; a core dump takes its time.
const A_LITTLE: Duration = Duration::from_secs(30);

/// A client, and what must live as long as it asks.
struct Connection {
    client: Client,
    own: Option<Own>,
}

/// A host of this program's own.
struct Own {
    running: Running,
    /// Nobody sends: it is closed when all is told that the host has said.
    said: Receiver<()>,
    _opt: TempDir,
}

/// Say which tools there are.
pub(crate) fn tools(args: &cli::Tools) -> anyhow::Result<Exit> {
    let mut connection = Connection::of(&args.source)?;
    let tools = connection.ask("while it was asked for its tools", Client::tools)?;
    if args.json {
        out::line(serde_json::to_string_pretty(&tools)?)?;
        return Ok(Exit::Done);
    }
    for tool in &tools {
        out::line(signature(tool))?;
        let description = tool["description"].as_str().unwrap_or_default();
        for line in description.lines() {
            out::line(format_args!("    {line}"))?;
        }
    }
    Ok(Exit::Done)
}

/// Call a tool, and print what it gives.
pub(crate) fn call(args: &cli::Call) -> anyhow::Result<Exit> {
    let arguments = arguments(&args.arguments)?;
    let mut connection = Connection::of(&args.source)?;
    let tools = connection.ask("while it was asked for its tools", Client::tools)?;
    let tool = named(&tools, &args.tool)?;
    if connection.own.is_some() {
        small_enough(&arguments)?;
    }
    let doing = format!("while the tool {} ran", args.tool);
    let result = connection.ask(&doing, |client| client.call(tool, &arguments))?;
    let failed = result["isError"] == true;
    if args.json {
        out::line(serde_json::to_string_pretty(&result)?)?;
    } else if failed {
        return Err(Failure::Tool(text(&result)).into());
    } else {
        out::line(text(&result))?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn arguments(text: &str) -> anyhow::Result<Map<String, Value>> {
    let mut stdin = String::new();
    let text = if text == "-" {
        std::io::stdin().read_to_string(&mut stdin)?;
        &stdin
    } else {
        text
    };
    Ok(serde_json::from_str(text).map_err(Failure::Arguments)?)
}

/// What is larger is not even read by the host, which looks like the end of it.
fn small_enough(arguments: &Map<String, Value>) -> anyhow::Result<()> {
    let size = serde_json::to_vec(arguments)?.len();
    if size > host::server::request::MAX_BODY {
        return Err(Failure::CallTooLarge { size }.into());
    }
    Ok(())
}

pub(crate) fn named<'a>(tools: &'a [Value], name: &str) -> Result<&'a Value, Failure> {
    let found = tools.iter().find(|tool| tool["name"] == name);
    found.ok_or_else(|| {
        let names = tools.iter().filter_map(|tool| tool["name"].as_str());
        Failure::UnknownTool {
            name: name.to_owned(),
            known: names.map(str::to_owned).collect(),
        }
    })
}

impl Connection {
    fn of(source: &cli::Source) -> anyhow::Result<Self> {
        if let Some(url) = &source.url {
            let mut headers = source.headers.clone();
            if let Some(variable) = &source.token_env {
                headers.push(("Authorization".to_owned(), bearer(variable)?));
            }
            return Ok(Self {
                client: Client::new(url, source.era, &headers, source.dump),
                own: None,
            });
        }
        let opt = scratch::folder()?;
        // Where no layer has a plugin, that is what is to be said.
        fs_err::create_dir_all(opt.path().join("lib"))?;
        let mut layers = Vec::new();
        let mut variables = Vec::new();
        if source.layers.is_empty() {
            let packages = packages::find(&source.packages)?;
            let manifest = packages::manifest(&source.packages)?;
            variables = variables::read(&manifest.with_file_name(".env"), false)?;
            // Those of the shell count first.
            variables.retain(|(name, _)| std::env::var_os(name).is_none());
            let zip = opt.path().join("layer.zip");
            let label = Label::for_development(&packages);
            layer::build(&packages, &Recipe::dev(), &label, &zip)?;
            archive::unpack(&zip, opt.path())?;
        }
        for layer in &source.layers {
            layers.push(Contents::of(layer)?);
            archive::unpack(layer, opt.path())?;
        }
        let mut host = Command::new(std::env::current_exe()?);
        host.envs(variables);
        host.arg("__host").env("PLUGIN_DIR", opt.path().join("lib"));
        // Nobody else can find the way to it.
        host.env_remove("BEARER_TOKENS");
        // What the user has set counts.
        for (variable, value) in [("ON_BAD_PLUGIN", "stop"), ("AWS_LAMBDA_LOG_LEVEL", "WARN")] {
            if std::env::var_os(variable).is_none() {
                host.env(variable, value);
            }
        }
        let (open, said) = mpsc::channel::<()>();
        let running = Running::start(&mut host, None, child::PATIENCE, move |line| {
            let _open = &open;
            if !["listening on ", "error[", "["]
                .iter()
                .any(|begin| line.starts_with(begin))
            {
                eprintln!("{line}");
            }
        })?;
        let running = running.map_err(|problem| {
            let named = |message: String| in_archives(&message, layers.iter(), opt.path());
            Failure::from(problem).told(named)
        })?;
        Ok(Self {
            client: Client::new(&running.url, source.era, &source.headers, source.dump),
            own: Some(Own {
                running,
                said,
                _opt: opt,
            }),
        })
    }

    /// Ask; where the own host has ended meanwhile, that is why it cannot be reached.
    fn ask<T>(
        &mut self,
        doing: &str,
        ask: impl FnOnce(&mut Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let answer = ask(&mut self.client);
        let Some(own) = &mut self.own else {
            return answer;
        };
        answer.map_err(|error| {
            // It ends a little later than its connections do; an answer that was cut off looks like one without a code.
            let is_answer =
                |error: &Failure| matches!(error, Failure::Answered { code: Some(_), .. });
            if error.downcast_ref().is_some_and(is_answer) {
                return error;
            }
            let is_over = own.said.recv_timeout(A_LITTLE) == Err(RecvTimeoutError::Disconnected);
            let ended = is_over.then(|| own.running.ended_within(A_LITTLE));
            match ended.flatten() {
                Some(status) => Failure::EndedMeanwhile {
                    how: status.to_string(),
                    doing: doing.to_owned(),
                }
                .into(),
                None => error,
            }
        })
    }
}

/// `countWords(text: string, longer_than?: integer)`
fn signature(tool: &Value) -> String {
    let schema = &tool["inputSchema"];
    let required = schema["required"].as_array();
    let is_required =
        |name: &str| required.is_some_and(|required| required.iter().any(|r| r == name));
    let properties = schema["properties"].as_object();
    let parameters = properties.into_iter().flatten().map(|(name, schema)| {
        let mark = if is_required(name) { "" } else { "?" };
        format!("{name}{mark}: {}", kind(schema))
    });
    let parameters: Vec<_> = parameters.collect();
    let name = tool["name"].as_str().unwrap_or_default();
    format!("{name}({})", parameters.join(", "))
}

/// The types of a schema's values, as far as it names them.
fn kind(schema: &Value) -> String {
    match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds
                .filter(|kind| *kind != "null")
                .collect::<Vec<_>>()
                .join(" or ")
        }
        _ => "any".to_owned(),
    }
}

/// What a result says, for people.
pub(crate) fn text(result: &Value) -> String {
    let blocks = result["content"].as_array();
    let texts = blocks
        .into_iter()
        .flatten()
        .map(|block| match &block["text"] {
            Value::String(text) => text.clone(),
            _ => block.to_string(),
        });
    let texts: Vec<_> = texts.collect();
    match &result["structuredContent"] {
        structured if texts.is_empty() && !structured.is_null() => structured.to_string(),
        _ => texts.join("\n"),
    }
}

/// A header as `Name: value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .context("write it as `Name: value`")
        .map_err(|error| error.to_string())?;
    let (name, value) = (name.trim(), value.trim());
    HeaderName::from_str(name).map_err(|_| format!("{name:?} cannot be the name of a header"))?;
    HeaderValue::from_str(value).map_err(|_| "the value cannot be that of a header")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The header that shows the token in a variable.
pub(crate) fn bearer(variable: &str) -> Result<String, Failure> {
    let token = std::env::var(variable).unwrap_or_default();
    let value = format!("Bearer {}", token.trim());
    if token.trim().is_empty() || HeaderValue::from_str(&value).is_err() {
        return Err(Failure::NoToken(variable.to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_is_written_like_a_function() {
        for (schema, expected) in [
            (json!({ "type": "object" }), "t()"),
            (
                json!({ "properties": { "a": { "type": "string" }, "b": { "type": ["integer", "null"] }, "c": {} }, "required": ["a"] }),
                "t(a: string, b?: integer, c?: any)",
            ),
        ] {
            assert_eq!(
                signature(&json!({ "name": "t", "inputSchema": schema })),
                expected
            );
        }
    }

    #[test]
    fn a_result_is_its_texts_else_what_is_structured() {
        for (result, expected) in [
            (
                json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] }),
                "a\nb",
            ),
            (
                json!({ "content": [], "structuredContent": { "x": 1 } }),
                r#"{"x":1}"#,
            ),
            (
                json!({ "content": [{ "type": "image", "data": "" }] }),
                r#"{"type":"image","data":""}"#,
            ),
            (json!({ "content": [] }), ""),
        ] {
            assert_eq!(text(&result), expected, "{result}");
        }
    }
}
