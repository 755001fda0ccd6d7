//! The AWS CLI, from one process that has loaded it.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use crate::{folders::repository, packages::venv};

/// Returns a command for a program that finds the AWS CLI in its `PATH`.
pub fn aws_cli(program: &str) -> Command {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(Server::start);
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:{path}", server.folder.display()));
    // Without this it reads the credentials and settings of the user who runs the tests.
    command.env("HOME", "/nonexistent");
    command
}

/// A running `aws_server.py`. It ends with this process, which holds its standard input.
struct Server {
    /// The folder of its `aws`.
    folder: PathBuf,
    _process: Child,
}

impl Server {
    fn start() -> Self {
        let python = venv("aws-cli", "requirements-aws.txt").join("bin/python");
        let sources = repository().join("tests/clients/python");
        let folder = tempfile::Builder::new()
            .prefix("aws-")
            // The path of a socket has at most 108 bytes.
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let client = fs_err::read_to_string(sources.join("aws_client.py")).expect("a client");
        let program = folder.join("aws");
        // `-I` and `-S` leave out what takes time at the start of Python.
        let client = format!("#!{} -IS\n{client}", python.display());
        fs_err::write(&program, client).expect("a program");
        let executable = PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(&program, executable).expect("a file of one's own");

        let mut server = Command::new(python);
        server.arg(sources.join("aws_server.py")).arg(&folder);
        server.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = server.spawn().expect("Python can be run");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("aws_server.py writes a line");
        assert_eq!(line.trim_end(), "ready", "aws_server.py did not start");
        Self {
            folder,
            _process: process,
        }
    }
}
