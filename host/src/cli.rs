//! The command line of `bootstrap`, which chooses the front door.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write},
    process::ExitCode,
};

use mcp_protocol::Revision;

use crate::{
    config::Config,
    process::{
        crash_handler,
        log::{self, Delivery, output},
        stdout_redirect,
    },
    transport::{self, serve::Listen},
};

const HELP: &str = "\
Serves the tools of a Lambda layer over MCP.

Usage: bootstrap [serve [--listen ADDRESS] [--allow-public] | stdio]

Without a command it is a Lambda function: AWS_LAMBDA_RUNTIME_API must be set.

Commands:
  serve                 Serve MCP over plain HTTP on this machine
  stdio                 Serve MCP over stdin and stdout, to a client that starts this program

Options:
  --listen ADDRESS      Where to listen [default: 127.0.0.1:3000]; port 0 picks a free port,
                        and `stdin` is a listening socket, as inetd passes it
  --allow-public        Allow a public address even if MCP_BEARER_TOKENS is not set
  -V, --version         Print the versions of the program, the plugin ABI and MCP
  -h, --help            Print this

Plugins are read from the folder MCP_PLUGIN_DIR [default: /opt/lib]; ENTRY_FILE and TOOLS_LIST select among them.
";

enum Command {
    Lambda,
    Serve { listen: Listen, allow_public: bool },
    Stdio,
    Help,
    Version,
}

/// Runs the host with these arguments, which do not include the program's name.
///
/// Returns the exit code: 0 after a normal end, 1 if the host could not start or serve, 2 for invalid arguments.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match parse(args) {
        Ok(command) => command,
        Err(error) => {
            output::print(&format!("error: {error}\n\nTry `bootstrap --help`."));
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Help => print(HELP),
        Command::Version => print(&version()),
        Command::Lambda => run(Delivery::InPlace, |config, _| {
            transport::lambda::run(config)
        }),
        Command::Serve {
            listen,
            allow_public,
        } => run(Delivery::Queued, move |config, _| {
            transport::serve::run(config, listen, allow_public)
        }),
        Command::Stdio => run(Delivery::Queued, transport::stdio::run),
    }
}

/// Runs a front door. The front door receives the real stdout, which plugins cannot use.
fn run<F: Future<Output = ExitCode>>(
    delivery: Delivery,
    front: impl FnOnce(Config, io::Result<File>) -> F,
) -> ExitCode {
    let config = Config::from_os(|name| std::env::var_os(name));
    log::init(&config.log, delivery);
    crash_handler::install_handler();
    let stdout = stdout_redirect::redirect();
    if let Err(error) = &stdout {
        tracing::debug!("stdout cannot be redirected away from plugins: {error}");
    }
    let code = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(front(config, stdout));
            // The process does not wait for tools that are still running.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            output::print(&format!(
                "error: the async runtime cannot be started: {error}"
            ));
            ExitCode::FAILURE
        }
    };
    output::flush();
    code
}

fn print(text: &str) -> ExitCode {
    // This may fail because a reader such as `head` has already closed the pipe.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn version() -> String {
    let revisions = Revision::ALL.map(Revision::as_str).join(", ");
    format!(
        "bootstrap {}\nplugin ABI {}, payloads {}\nMCP {revisions}\n",
        env!("CARGO_PKG_VERSION"),
        crate::plugin::ABI_VERSION,
        plugin_abi::PAYLOAD_VERSION,
    )
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(args);
    let mut command = Command::Lambda;
    while let Some(arg) = parser.next()? {
        match (arg, &mut command) {
            (Short('h') | Long("help"), _) => return Ok(Command::Help),
            (Short('V') | Long("version"), _) => return Ok(Command::Version),
            (Value(name), Command::Lambda) if name == "serve" => {
                command = Command::Serve {
                    listen: transport::serve::DEFAULT_LISTEN.into(),
                    allow_public: false,
                };
            }
            (Value(name), Command::Lambda) if name == "stdio" => command = Command::Stdio,
            (Long("listen"), Command::Serve { listen, .. }) => *listen = parser.value()?.parse()?,
            (Long("allow-public"), Command::Serve { allow_public, .. }) => *allow_public = true,
            (arg, _) => return Err(arg.unexpected()),
        }
    }
    Ok(command)
}
