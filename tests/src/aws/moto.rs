//! moto: an independent implementation of AWS's answers, in a separate process.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
};

use crate::packages::venv;

/// A running `moto_server`: DynamoDB, Lambda, IAM and more, all empty, for any credentials.
pub struct Moto {
    endpoint: String,
    child: Child,
}

impl Moto {
    /// Starts one on a free port of this machine.
    pub fn start() -> Self {
        static SERVER: OnceLock<PathBuf> = OnceLock::new();
        let server =
            SERVER.get_or_init(|| venv("moto", "requirements-moto.txt").join("bin/moto_server"));
        let mut command = Command::new(server);
        command
            .args(["-H", "127.0.0.1", "-p", "0"])
            // Roles have AWS's managed policies.
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            // Without this it reads the credentials and settings of the user who runs the tests.
            .env("HOME", "/nonexistent")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("moto_server can be run");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        let mut output = String::new();
        let endpoint = loop {
            let Some(line) = lines.next() else {
                let status = child.wait();
                panic!("moto_server did not start ({status:?}):\n{output}");
            };
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
            output += &line;
            output.push('\n');
        };
        // It stops when nobody reads its output.
        thread::spawn(move || lines.for_each(drop));
        Self { endpoint, child }
    }

    /// Returns its URL: a value for `AWS_ENDPOINT_URL`, or `--endpoint-url` of the AWS CLI.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
