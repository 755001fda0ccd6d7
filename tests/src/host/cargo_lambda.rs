//! `cargo lambda watch`: an independent Lambda Runtime API and Function URL.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::packages::venv_without_dependencies;

/// The time that it may take to listen. Source: ours; far more than a loaded machine needs.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(60);

/// The name of the function: a process chooses it freely, and ours uses this one.
const FUNCTION: &str = "function";

/// A running emulator, which ends with the last handle to it.
#[derive(Clone)]
pub(crate) struct CargoLambda {
    address: SocketAddr,
    emulator: Arc<Emulator>,
}

struct Emulator {
    child: Mutex<Child>,
    _folder: TempDir,
}

impl CargoLambda {
    /// Starts one on a free port of this machine. It builds nothing and starts nothing itself.
    pub(crate) fn start() -> Self {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            let venv = venv_without_dependencies("cargo-lambda", "requirements-cargo-lambda.txt");
            venv.join("bin/cargo-lambda")
        });
        // It must run in the folder of any package.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let manifest = "[package]\nname = \"function\"\nedition = \"2024\"\n\n[workspace]\n";
        fs_err::write(folder.path().join("Cargo.toml"), manifest).expect("a file");
        fs_err::create_dir(folder.path().join("src")).expect("a folder");
        fs_err::write(folder.path().join("src/main.rs"), "fn main() {}\n").expect("a file");
        let address = free_address();
        let mut command = Command::new(program);
        command
            .args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"])
            .args(["-A", &address.ip().to_string()])
            .args(["-P", &address.port().to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("cargo-lambda can be run");
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                *kept += &format!("{line}\n");
            }
        });
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = child.try_wait().expect("a child");
            assert!(
                ended.is_none() && started.elapsed() < LISTEN_TIMEOUT,
                "cargo lambda watch does not listen on {address} ({ended:?}):\n{}",
                log.lock().unwrap_or_else(PoisonError::into_inner)
            );
            thread::sleep(Duration::from_millis(20));
        }
        Self {
            address,
            emulator: Arc::new(Emulator {
                child: Mutex::new(child),
                _folder: folder,
            }),
        }
    }

    /// Returns the variables of the process: the Runtime API, and the function's name.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        // Without a scheme lambda_runtime accepts no path: Lambda itself has neither.
        let api = format!("http://{}/.rt/{FUNCTION}", self.address);
        [
            ("AWS_LAMBDA_RUNTIME_API", api),
            ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
        ]
    }

    /// Returns the Function URL.
    pub(crate) fn function_url(&self) -> String {
        format!("http://{}/lambda-url/{FUNCTION}", self.address)
    }

    /// Ends it: a request to a function without a process would wait for ever.
    pub(crate) fn end(&self) {
        self.emulator.end();
    }
}

impl Emulator {
    fn end(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns a free address. The emulator does not accept port 0, so another program may use the address first.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
