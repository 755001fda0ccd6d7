//! `verify`: checks that a server serves the expected tools.

use serde_json::{Map, Value};

use crate::{
    archive::{
        inventory::{Inventory, Undeclared},
        selection,
    },
    args,
    aws::{error::DeployError, sigv4::Signer, smoke_test::check_read_only},
    compare,
    error::CliError,
    exit::Exit,
    mcp::{client::Client, era::Era, headers, tool},
    terminal::stdout,
};

/// Prints the results line by line, and records whether a check has failed.
#[derive(Default)]
struct Report {
    has_failed: bool,
}

impl Report {
    fn ok(&self, what: &str) -> anyhow::Result<()> {
        Ok(stdout::line(format_args!("ok    {what}"))?)
    }

    fn note(&self, what: &str) -> anyhow::Result<()> {
        Ok(stdout::line(format_args!("note  {what}"))?)
    }

    fn fail(&mut self, what: &str) -> anyhow::Result<()> {
        self.has_failed = true;
        Ok(stdout::line(format_args!("fails {what}"))?)
    }
}

/// Checks a server, and prints the results.
pub(crate) fn run(args: &args::deploy::Verify) -> anyhow::Result<Exit> {
    let expected = expected_tools(args)?;
    let mut headers = args.headers.clone();
    if let Some(variable) = &args.token_env {
        headers.push(("Authorization".to_owned(), headers::bearer(variable)?));
    }
    let mut client = Client::new(&args.url, Era::Auto, &headers, false);
    if let Some(options) = args.signing() {
        client = client.with_signer(Signer::new(options)?);
    }
    let mut report = Report::default();

    let server = client.server_info()?;
    report.ok(&format!(
        "server: {} {}, by revision {}",
        server.name, server.version, server.revision
    ))?;
    let tools = client.tools()?;
    check_tools(&tools, expected.as_deref(), &mut report)?;
    if let Some(tool) = &args.call {
        check_call(&mut client, &tools, tool, &args.arguments, &mut report)?;
    }
    check_health(&client, &args.url, &mut report)?;
    Ok(if report.has_failed {
        Exit::VerificationFailed
    } else {
        Exit::Done
    })
}

/// Returns the tools that the layers declare and that `ENTRY_FILE` and `TOOLS_LIST` select.
fn expected_tools(args: &args::deploy::Verify) -> anyhow::Result<Option<Vec<compare::Tool>>> {
    if args.layers.is_empty() {
        return Ok(None);
    }
    let layers = args
        .layers
        .iter()
        .map(|layer| Inventory::read(layer, Undeclared::Open));
    let layers = layers.collect::<anyhow::Result<Vec<_>>>()?;
    let tools = selection::select_tools(layers.iter(), &args.entry_file, &args.tools);
    Ok(Some(tools.map_err(DeployError::Selection)?))
}

fn check_tools(
    tools: &[Value],
    expected: Option<&[compare::Tool]>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let names = tools.iter().filter_map(|tool| tool["name"].as_str());
    let names: Vec<_> = names.collect();
    let listed = match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let differences = expected.map(|expected| selection::differences(tools, expected));
    match differences.as_deref() {
        Some([]) => report.ok(&format!("tools, as declared by the layers: {listed}")),
        Some(differences) => {
            for difference in differences {
                report.fail(&format!("tools: {difference}"))?;
            }
            report.note(&format!("tools: {listed}"))
        }
        None if names.is_empty() => report.fail("tools: the server lists none"),
        None => report.ok(&format!("tools: {listed}")),
    }
}

fn check_call(
    client: &mut Client,
    tools: &[Value],
    name: &str,
    arguments: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let tool = tool::find(tools, name)?;
    check_read_only(name, tools)?;
    let arguments: Map<String, Value> =
        serde_json::from_str(arguments).map_err(CliError::Arguments)?;
    let result = client.call(tool, &arguments)?;
    let text = tool::result_text(&result);
    if result["isError"] == true {
        report.fail(&format!("call of {name}: {text}"))
    } else {
        report.ok(&format!("call of {name}: {text}"))
    }
}

/// Checks the host's health endpoint. It is not an error if a gateway does not forward requests to it.
fn check_health(client: &Client, url: &str, report: &mut Report) -> anyhow::Result<()> {
    let (status, body) = client.get(&health_url(url))?;
    let health: Value = serde_json::from_str(&body).unwrap_or_default();
    match (status, health["status"].as_str()) {
        (200, Some("ok")) => report.ok("health: ok"),
        (200, Some(other)) => report.fail(&format!("health: {other}: {}", health["leftOut"])),
        (500.., _) => report.fail(&format!("health: status {status}")),
        _ => report.note(&format!(
            "health: the gateway does not let it through (status {status})"
        )),
    }
}

/// Returns `https://example.com/base/health` for `https://example.com/base/mcp`.
fn health_url(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let url = url.trim_end_matches('/');
    format!("{}/health", url.strip_suffix("/mcp").unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_url_is_next_to_the_endpoint() {
        for (url, expected) in [
            ("https://example.com/mcp", "https://example.com/health"),
            (
                "https://example.com/base/mcp/",
                "https://example.com/base/health",
            ),
            ("https://example.com/", "https://example.com/health"),
            ("https://example.com/mcp?x=1", "https://example.com/health"),
        ] {
            assert_eq!(health_url(url), expected);
        }
    }
}
