//! Build plugins and serve their tools on this machine, through the same host and the same layer as on Lambda.

use anyhow::Context;
use host::{config::Config, front::serve::Server, log};
use mcp_protocol::Revision;

use crate::{
    archive, cli,
    error::Failure,
    layer::{self, Label, Layer, Recipe},
    packages,
};

/// Build, unpack, serve until Ctrl-C.
pub(crate) fn run(args: &cli::Dev) -> anyhow::Result<()> {
    let packages = packages::find(&args.packages)?;
    let folder = packages.target_dir.as_std_path().join("layer-dev");
    let layer = layer::build(
        &packages,
        &Recipe::dev(),
        &Label::for_development(&packages),
        &folder.join("layer.zip"),
    )?;
    // A folder of its own for each run: another `dev` may still be serving from its own.
    let opt = tempfile::Builder::new()
        .prefix("opt-")
        .tempdir_in(&folder)?;
    archive::unpack(&layer.path, opt.path())?;
    let config = config(|name| std::env::var(name).ok(), opt.path().join("lib"));
    log::init(&config.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the async runtime cannot be started")?;
    let served = runtime.block_on(async {
        let server = Server::start(&config, args.listen, false)
            .await
            .map_err(Failure::Serve)?;
        greet(&layer, &server.url());
        server.run().await.context("serving failed")
    });
    // A tool that still runs is not waited for.
    runtime.shutdown_background();
    served
}

/// The user's own variables count, but tools are those just built, and clients are told to ask for the list each time.
fn config(get: impl Fn(&str) -> Option<String>, plugin_dir: std::path::PathBuf) -> Config {
    let mut config = Config::from_env(|name| {
        get(name).or_else(|| (name == "LIST_TTL_MS").then(|| "0".to_owned()))
    });
    config.plugin_dir = plugin_dir;
    config
}

#[expect(clippy::print_stdout, reason = "the data that was asked for")]
fn greet(layer: &Layer, url: &str) {
    println!("serving {} at {url}", layer.tools.join(", "));
    println!();
    println!("Try it:");
    println!(
        "  curl -s {url} -H 'Content-Type: application/json' -H 'MCP-Protocol-Version: {}' -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}'",
        Revision::LATEST_LEGACY
    );
    println!();
    println!("For clients that read `mcpServers`, such as Claude Code's .mcp.json:");
    println!("  {{\"mcpServers\": {{\"layer\": {{\"type\": \"http\", \"url\": \"{url}\"}}}}}}");
    println!();
    println!("Ctrl-C ends it.");
}
