//! A server asked whether it serves what it should.

use serde_json::{Map, Value};

use crate::{
    archive::{inventory::Declared, selection},
    args,
    aws::{error::Deployment, sigv4::Signer, smoke_test::check_reads_only},
    compare,
    error::Failure,
    exit::Exit,
    mcp::{client::Client, era::Era, headers, tool},
    terminal::stdout,
};

/// What was found, line by line.
#[derive(Default)]
struct Report {
    fails: bool,
}

impl Report {
    fn ok(&self, what: &str) -> anyhow::Result<()> {
        Ok(stdout::line(format_args!("ok    {what}"))?)
    }

    fn note(&self, what: &str) -> anyhow::Result<()> {
        Ok(stdout::line(format_args!("note  {what}"))?)
    }

    fn fails(&mut self, what: &str) -> anyhow::Result<()> {
        self.fails = true;
        Ok(stdout::line(format_args!("fails {what}"))?)
    }
}

/// Ask, and say what was found.
pub(crate) fn run(args: &args::deploy::Verify) -> anyhow::Result<Exit> {
    let expected = expected(args)?;
    let mut headers = args.headers.clone();
    if let Some(variable) = &args.token_env {
        headers.push(("Authorization".to_owned(), headers::bearer(variable)?));
    }
    let mut client = Client::new(&args.url, Era::Auto, &headers, false);
    if let Some(options) = args.signing() {
        client = client.signed_by(Signer::new(options)?);
    }
    let mut report = Report::default();

    let server = client.server()?;
    report.ok(&format!(
        "server: {} {}, by revision {}",
        server.name, server.version, server.revision
    ))?;
    let tools = client.tools()?;
    compared(&tools, expected.as_deref(), &mut report)?;
    if let Some(tool) = &args.call {
        called(&mut client, &tools, tool, &args.arguments, &mut report)?;
    }
    health(&client, &args.url, &mut report)?;
    Ok(if report.fails {
        Exit::Unproven
    } else {
        Exit::Done
    })
}

/// What the layers declare, of which the lists select.
fn expected(args: &args::deploy::Verify) -> anyhow::Result<Option<Vec<compare::Tool>>> {
    if args.layers.is_empty() {
        return Ok(None);
    }
    let layers = args.layers.iter().map(|layer| Declared::read(layer));
    let layers = layers.collect::<anyhow::Result<Vec<_>>>()?;
    let tools = selection::tools(layers.iter(), &args.entry_file, &args.tools);
    Ok(Some(tools.map_err(Deployment::Selection)?))
}

fn compared(
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
        Some([]) => report.ok(&format!("tools, as the layers declare them: {listed}")),
        Some(differences) => {
            for difference in differences {
                report.fails(&format!("tools: {difference}"))?;
            }
            report.note(&format!("tools: {listed}"))
        }
        None if names.is_empty() => report.fails("tools: it lists none"),
        None => report.ok(&format!("tools: {listed}")),
    }
}

fn called(
    client: &mut Client,
    tools: &[Value],
    name: &str,
    arguments: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let tool = tool::named(tools, name)?;
    check_reads_only(name, tools)?;
    let arguments: Map<String, Value> =
        serde_json::from_str(arguments).map_err(Failure::Arguments)?;
    let result = client.call(tool, &arguments)?;
    let text = tool::text(&result);
    if result["isError"] == true {
        report.fails(&format!("call of {name}: {text}"))
    } else {
        report.ok(&format!("call of {name}: {text}"))
    }
}

/// What the host says beside its endpoint. A gateway need not let it through.
fn health(client: &Client, url: &str, report: &mut Report) -> anyhow::Result<()> {
    let (status, body) = client.get(&beside(url))?;
    let health: Value = serde_json::from_str(&body).unwrap_or_default();
    match (status, health["status"].as_str()) {
        (200, Some("ok")) => report.ok("health: ok"),
        (200, Some(other)) => report.fails(&format!("health: {other}: {}", health["leftOut"])),
        (500.., _) => report.fails(&format!("health: status {status}")),
        _ => report.note(&format!(
            "health: the gateway does not let it through (status {status})"
        )),
    }
}

/// `https://example.com/base/mcp` -> `https://example.com/base/health`
fn beside(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let url = url.trim_end_matches('/');
    format!("{}/health", url.strip_suffix("/mcp").unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_asked_for_beside_the_endpoint() {
        for (url, expected) in [
            ("https://example.com/mcp", "https://example.com/health"),
            (
                "https://example.com/base/mcp/",
                "https://example.com/base/health",
            ),
            ("https://example.com/", "https://example.com/health"),
            ("https://example.com/mcp?x=1", "https://example.com/health"),
        ] {
            assert_eq!(beside(url), expected);
        }
    }
}
