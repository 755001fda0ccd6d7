//! Tests a version of a function through Lambda's own API: invokes it with a JSON-RPC message as the payload, and
//! checks the JSON-RPC response.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    archive::selection::differences,
    aws::{cli::shell_quoted, error::DeployError, lambda::Function},
    compare,
    process::temp_dir,
};

/// The outcome of an invocation: a result, or a problem.
type InvocationOutcome = Result<Value, String>;

/// A test of whether a version serves.
pub(crate) struct SmokeTest<'a> {
    pub(crate) expected: &'a [compare::Tool],
    /// A tool that is called too, and its arguments.
    pub(crate) call: Option<(&'a str, &'a Map<String, Value>)>,
}

impl SmokeTest<'_> {
    /// Lists the tools of a version, and compares them with the expected ones. Returns the problems, as lines for the
    /// user.
    pub(crate) fn run(
        &self,
        function: &Function<'_>,
        version: &str,
    ) -> anyhow::Result<Result<(), String>> {
        let listed = match list_tools(function, version)? {
            Ok(listed) => listed,
            Err(problem) => return Ok(Err(problem)),
        };
        if !function.aws.dry_run {
            let differences = differences(&listed, self.expected);
            if !differences.is_empty() {
                let differences = differences.join("\n    ");
                return Ok(Err(format!(
                    "its tools differ from those that its layers declare:\n    {differences}"
                )));
            }
        }
        let Some((tool, arguments)) = self.call else {
            return Ok(Ok(()));
        };
        let params = json!({ "name": tool, "arguments": arguments });
        let answer = invoke(function, version, "tools/call", &params)?;
        Ok(answer.and_then(|result| match &result["isError"] {
            Value::Bool(true) => Err(format!("the tool {tool} failed: {}", result["content"])),
            _ => Ok(()),
        }))
    }
}

/// Checks that the tool of this name is declared read-only, so that a test may call it.
pub(crate) fn check_read_only<'a>(
    name: &str,
    tools: impl IntoIterator<Item = &'a Value>,
) -> Result<(), DeployError> {
    let reads = |tool: &&Value| tool["annotations"]["readOnlyHint"] == true;
    let known = tools.into_iter().filter(reads);
    let known = known.filter_map(|tool| Some(tool["name"].as_str()?.to_owned()));
    let known: Vec<_> = known.collect();
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    let tool = name.to_owned();
    Err(DeployError::NotReadOnly { tool, known })
}

/// Returns the tools that a version lists.
pub(crate) fn list_tools(
    function: &Function<'_>,
    version: &str,
) -> anyhow::Result<Result<Vec<Value>, String>> {
    let mut tools = Vec::new();
    let mut params = json!({});
    loop {
        let mut page = match invoke(function, version, "tools/list", &params)? {
            Ok(page) => page,
            Err(problem) => return Ok(Err(problem)),
        };
        if let Some(more) = page["tools"].as_array_mut() {
            tools.append(more);
        }
        match page["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return Ok(Ok(tools)),
        }
    }
}

/// Invokes a version with a message. In a dry run there is no result.
fn invoke(
    function: &Function<'_>,
    version: &str,
    method: &str,
    params: &Value,
) -> anyhow::Result<InvocationOutcome> {
    let aws = &*function.aws;
    let folder = temp_dir::create()?;
    let (message, answer) = (
        folder.path().join("message.json"),
        folder.path().join("answer.json"),
    );
    let text = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let path = |path: &Path| match path.file_name() {
        // Show only the file name: the folder will be removed before the user can run the command.
        Some(name) if aws.dry_run => name.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    };
    message!(
        "echo {} >{}",
        shell_quoted(&text),
        shell_quoted(&path(&message))
    );
    fs_err::write(&message, text)?;
    let (payload, answer) = (format!("fileb://{}", path(&message)), path(&answer));
    let args = [
        "lambda",
        "invoke",
        "--function-name",
        function.name,
        "--qualifier",
        version,
        "--payload",
        &payload,
        "--log-type",
        "Tail",
        &answer,
    ];
    let Some(response) = aws.mutate(&args)? else {
        return Ok(Ok(Value::Null));
    };
    let payload = fs_err::read(&answer)?;
    Ok(parse_outcome(&response, &payload).map_err(|problem| {
        let log = log_tail(&response);
        aws.redacted(&format!("{problem}{log}"))
    }))
}

/// Determines the outcome of an invocation from Lambda's response and the payload.
fn parse_outcome(response: &Value, payload: &[u8]) -> InvocationOutcome {
    let text = String::from_utf8_lossy(payload);
    let mut payload: Value = serde_json::from_slice(payload)
        .map_err(|error| format!("its response is not JSON ({error}): {text}"))?;
    if let Some(kind) = response["FunctionError"].as_str() {
        let member = |name: &str| payload[name].as_str().map(str::to_owned);
        let kind = member("errorType").unwrap_or_else(|| kind.to_owned());
        let message = member("errorMessage").unwrap_or_else(|| payload.to_string());
        return Err(format!("it fails: {kind}: {message}"));
    }
    if payload["result"].is_object() {
        return Ok(payload["result"].take());
    }
    match payload["error"]["message"].as_str() {
        Some(message) => Err(format!("it returns an error: {message}")),
        None => Err(format!("its response is not an MCP message: {payload}")),
    }
}

/// Returns the end of the function's log, in separate lines.
fn log_tail(response: &Value) -> String {
    let log = response["LogResult"].as_str().unwrap_or_default();
    let log = BASE64_STANDARD.decode(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines = log.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("\n    log: {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_is_a_result_or_a_problem() {
        let fails = json!({ "FunctionError": "Unhandled" });
        for (response, payload, expected) in [
            (
                json!({}),
                r#"{"result":{"tools":[]}}"#,
                Ok(json!({ "tools": [] })),
            ),
            (
                json!({}),
                r#"{"error":{"message":"no"}}"#,
                Err("it returns an error: no"),
            ),
            (
                json!({}),
                r#"{"statusCode":200}"#,
                Err(r#"its response is not an MCP message: {"statusCode":200}"#),
            ),
            (
                fails,
                r#"{"errorType":"HOST_TOO_OLD","errorMessage":"deploy a newer host"}"#,
                Err("it fails: HOST_TOO_OLD: deploy a newer host"),
            ),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(
                parse_outcome(&response, payload.as_bytes()),
                expected,
                "{payload}"
            );
        }
        let broken = parse_outcome(&json!({}), b"<html>").expect_err("not JSON");
        assert!(broken.ends_with(": <html>"), "{broken}");
    }

    #[test]
    fn the_end_of_a_log_is_shown_line_by_line() {
        let response = json!({ "LogResult": BASE64_STANDARD.encode("START\n\nerror: x\n") });
        assert_eq!(log_tail(&response), "\n    log: START\n    log: error: x");
        assert_eq!(log_tail(&json!({})), "");
    }
}
