//! MCP over stdin and stdout, for local clients that start the program themselves. Each line is one JSON-RPC message.
//!
//! The process is the connection, and for a legacy client also the session. Calls run concurrently, so responses may be
//! sent in another order than their requests. A request that its client cancels by `notifications/cancelled` gets no
//! response.

mod conversation;
mod lines;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
    time::Duration,
};

use layer_format::ErrorCode;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{
    config::Config,
    server::McpServer,
    transport::{
        failed,
        stdio::{
            conversation::Conversation,
            lines::{spawn_reader, spawn_writer},
        },
    },
};

/// How long active calls may take to finish after the client has closed stdin, or after a signal.
/// Source: ours; the same as for `serve`. (Clients close stdin, wait some seconds, and then send SIGTERM.)
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Serves until stdin is closed. `stdout` is the real stdout, which plugins cannot use. Returns the exit code: 0 after
/// stdin was closed or a signal arrived, 1 if the host could not start or serve.
pub async fn run(config: Config, stdout: io::Result<File>) -> ExitCode {
    let server = match McpServer::start(&config) {
        Ok(server) => server,
        Err(error) => return failed(error.code(), &error),
    };
    let served = match stdout {
        Ok(stdout) => run_loop(server, BufReader::new(io::stdin()), stdout).await,
        Err(error) => Err(io::Error::other(format!(
            "stdout is not available: {error}; start the program with stdout open"
        ))),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(ErrorCode::ServeFailed, &error),
    }
}

/// Reads messages from the input and writes responses to the output until one of them closes or a signal arrives.
async fn run_loop(
    server: McpServer,
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (out, written) = spawn_writer(output);
    let mut conversation = Conversation::new(server, out.clone());
    tokio::select! {
        () = conversation.listen(spawn_reader(input)) => {}
        // The client has closed the output, so nobody would read further responses.
        () = out.closed() => return Ok(()),
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    drop(out);
    tokio::select! {
        ended = timeout(SHUTDOWN_GRACE, conversation.end(written)) => if ended.is_err() {
            tracing::warn!(
                "shutdown timed out: calls were still in progress after {} seconds",
                SHUTDOWN_GRACE.as_secs()
            );
        },
        // A second signal means that the user does not want to wait.
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}
