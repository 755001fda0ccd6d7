//! The real `bootstrap` on a layer: by `serve`, or on Lambda behind a gateway.

mod bad_stderr;
mod cargo_lambda;
pub(crate) mod environment;
mod faulty_runtime_api;

use std::{
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::{
        fd::OwnedFd,
        unix::{fs::MetadataExt, process::CommandExt},
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use lambda_local::{Function, FunctionConfig, Gateway, InvokeError};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub use bad_stderr::BadStderr;
pub use faulty_runtime_api::{FaultyRuntimeApi, NextAnswer};
pub use lambda_local::FrontDoor;

use crate::{Client, Layer, bootstrap};
use cargo_lambda::CargoLambda;

/// The time to wait for a line of a log. Source: ours; far more than a loaded machine needs.
const LOG_TIMEOUT: Duration = Duration::from_secs(60);

/// The user and group who own nothing. Source: Debian policy 9.2.2, `nobody`; Linux uses the number for users it cannot
/// name.
const NOBODY: u32 = 65534;

/// A running host.
pub struct Host {
    url: String,
    layer: Layer,
    backend: HostBackend,
}

enum HostBackend {
    Serve {
        child: Child,
        log: Arc<Mutex<String>>,
    },
    /// Under an external emulator.
    Emulated {
        child: Child,
        log: Arc<Mutex<String>>,
        emulator: CargoLambda,
    },
    // In the order in which they must be dropped.
    Lambda {
        _gateway: Gateway,
        function: Function,
        runtime: Runtime,
    },
}

impl Host {
    /// Serves the layer on a free port of this machine.
    pub fn serve(layer: &Layer) -> Self {
        Self::serve_with(layer, &[])
    }

    /// Serves the layer with these environment variables.
    pub fn serve_with(layer: &Layer, variables: &[(&str, &str)]) -> Self {
        Self::spawn_and_wait(Self::serve_command(bootstrap(), layer, variables), layer)
    }

    /// Serves the layer by another host than the deployed one.
    pub fn serve_with_program(program: &Path, layer: &Layer) -> Self {
        Self::spawn_and_wait(Self::serve_command(program, layer, &[]), layer)
    }

    /// Serves a layer as a user who may read only files that everyone may read. (`nobody`, where these tests run as
    /// root.)
    pub fn serve_as_nobody(layer: &Layer, variables: &[(&str, &str)]) -> Self {
        let program = layer.plugin_dir().with_file_name("bootstrap");
        fs_err::copy(bootstrap(), &program).expect("the copy can be made");
        let mut command = Self::serve_command(&program, layer, variables);
        let me = fs_err::metadata("/proc/self").expect("Linux tells whose process this is");
        if me.uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        Self::spawn_and_wait(command, layer)
    }

    /// Serves the layer with this fault of stderr. There is no log then.
    pub fn serve_with_bad_stderr(
        layer: &Layer,
        stderr: BadStderr,
        variables: &[(&str, &str)],
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (program, arguments) = stderr.wrap(bootstrap(), &layer.plugin_dir());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["serve", "--listen", "stdin"])
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .env_clear()
            .env("MCP_PLUGIN_DIR", layer.plugin_dir())
            .envs(variables.iter().copied());
        Self {
            url: format!("http://{address}/mcp"),
            layer: layer.clone(),
            backend: HostBackend::Serve {
                child: command.spawn().expect("bash can be run"),
                log: Arc::default(),
            },
        }
    }

    fn spawn_and_wait(mut command: Command, layer: &Layer) -> Self {
        let mut child = command.spawn().expect("bootstrap can be run");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let keep = |log: &Mutex<String>, line: &str| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(line);
            log.push('\n');
        };
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                let log = log.lock().unwrap_or_else(PoisonError::into_inner);
                panic!(
                    "bootstrap serve did not start on {}:\n{log}",
                    layer.listing()
                );
            };
            keep(&log, &line);
            if let Some(url) = line.strip_prefix("listening on ") {
                break url.to_owned();
            }
        };
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| keep(&kept, &line))
        });
        Self {
            url,
            layer: layer.clone(),
            backend: HostBackend::Serve { child, log },
        }
    }

    /// Returns the output of a host that does not start.
    pub fn refusal_output(layer: &Layer, variables: &[(&str, &str)]) -> String {
        let output = Self::serve_command(bootstrap(), layer, variables)
            .output()
            .expect("bootstrap can be run");
        assert_eq!(
            output.status.code(),
            Some(1),
            "bootstrap serve should have refused to start"
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Returns the error in it: `CODE: message`, with `[dir]` for the folder of the plugins and `[target]` for that of
    /// the harness.
    pub fn refusal_message(layer: &Layer, variables: &[(&str, &str)]) -> String {
        let output = Self::refusal_output(layer, variables);
        let (_, refusal) = output
            .split_once("error[")
            .unwrap_or_else(|| panic!("no error in {output}"));
        layer.without_folders(&refusal.trim().replacen("]: ", ": ", 1))
    }

    fn serve_command(program: &Path, layer: &Layer, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
            .stderr(Stdio::piped())
            .env_clear()
            .env("MCP_PLUGIN_DIR", layer.plugin_dir());
        command.envs(variables.iter().copied());
        command
    }

    /// Runs the layer on Lambda, behind this front door.
    pub fn lambda(layer: &Layer, front_door: FrontDoor) -> Self {
        Self::lambda_with(layer, front_door, &[])
    }

    /// Runs the layer on Lambda with these environment variables.
    pub fn lambda_with(layer: &Layer, front_door: FrontDoor, variables: &[(&str, &str)]) -> Self {
        Self::on_lambda(function_config(layer, variables), layer, front_door)
    }

    /// Runs the layer on Lambda with a reserved concurrency of one: there is only one environment, and concurrent
    /// requests wait for it.
    pub fn lambda_with_one_environment(
        layer: &Layer,
        front_door: FrontDoor,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::on_lambda(
            function_config(layer, variables).max_environments(1),
            layer,
            front_door,
        )
    }

    /// Runs the layer on Lambda with this time limit of the function.
    pub fn lambda_with_timeout(layer: &Layer, front_door: FrontDoor, timeout: Duration) -> Self {
        Self::on_lambda(
            function_config(layer, &[]).timeout(timeout),
            layer,
            front_door,
        )
    }

    /// Runs the layer on Lambda, in one environment with this fault of stderr.
    pub fn lambda_with_bad_stderr(
        layer: &Layer,
        front_door: FrontDoor,
        stderr: BadStderr,
        variables: &[(&str, &str)],
    ) -> Self {
        let (program, arguments) = stderr.wrap(bootstrap(), &layer.plugin_dir());
        let mut config = function_config(layer, variables).max_environments(1);
        config.bootstrap = program.into();
        config.arguments = arguments
            .into_iter()
            .map(|argument| argument.into_string().expect("UTF-8"))
            .collect();
        Self::on_lambda(config, layer, front_door)
    }

    fn on_lambda(config: FunctionConfig, layer: &Layer, front_door: FrontDoor) -> Self {
        let runtime = runtime();
        let _guard = runtime.enter();
        let function = Function::new(config);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let gateway = runtime
            .block_on(Gateway::start(function.clone(), front_door, listen))
            .expect("a free port");
        let url = format!("{}/mcp", gateway.url());
        drop(_guard);
        Self {
            url,
            layer: layer.clone(),
            backend: HostBackend::Lambda {
                _gateway: gateway,
                function,
                runtime,
            },
        }
    }

    /// Runs the layer under `cargo lambda watch`, behind its Function URL.
    pub fn cargo_lambda(layer: &Layer, variables: &[(&str, &str)]) -> Self {
        let emulator = CargoLambda::start();
        let mut command = Command::new(bootstrap());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .env_clear()
            .env("MCP_PLUGIN_DIR", layer.plugin_dir())
            .envs(emulator.variables())
            .envs(variables.iter().copied());
        let mut child = command.spawn().expect("bootstrap can be run");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, ending) = (Arc::clone(&log), emulator.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = kept.lock().unwrap_or_else(PoisonError::into_inner);
                *log += &format!("{line}\n");
            }
            ending.end();
        });
        Self {
            url: format!("{}/mcp", emulator.function_url()),
            layer: layer.clone(),
            backend: HostBackend::Emulated {
                child,
                log,
                emulator,
            },
        }
    }

    /// Returns the init error that Lambda gets from a host that does not start.
    pub fn init_error(layer: &Layer, variables: &[(&str, &str)]) -> InvokeError {
        let runtime = runtime();
        let function = runtime.block_on(async { Function::new(function_config(layer, variables)) });
        let outcome = runtime.block_on(function.warm_up());
        runtime.block_on(function.stop());
        outcome.expect_err("the host should have refused to start")
    }

    /// Invokes the function with an event, without the gateway, and returns the answer.
    pub fn invoke(&self, event: &Value) -> Value {
        let answer = self.try_invoke(event);
        answer.unwrap_or_else(|error| panic!("{event}: {error}"))
    }

    /// Invokes the function with an event; the invocation may fail.
    ///
    /// # Errors
    /// Lambda's error.
    pub fn try_invoke(&self, event: &Value) -> Result<Value, InvokeError> {
        let HostBackend::Lambda {
            function, runtime, ..
        } = &self.backend
        else {
            panic!("only on Lambda")
        };
        let answer = runtime.block_on(function.invoke(event))?;
        Ok(answer.json().expect("an answer in JSON"))
    }

    /// Invokes the function with the event of an HTTP API with an authorizer that let this principal in.
    pub fn invoke_as(
        &self,
        principal: Option<&str>,
        method: &str,
        headers: &Value,
        body: &Value,
    ) -> Value {
        self.invoke(&http_api_event(principal, method, headers, body))
    }

    /// Returns the error of an invocation that fails, with such an event.
    pub fn invocation_error(
        &self,
        principal: Option<&str>,
        method: &str,
        headers: &Value,
        body: &Value,
    ) -> String {
        let event = http_api_event(principal, method, headers, body);
        match self.try_invoke(&event) {
            Ok(_) => panic!("{event} should have failed"),
            Err(error) => error.to_string(),
        }
    }

    /// Returns the URL of its MCP endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a client with handwritten messages.
    pub fn connect(&self) -> Client<'_> {
        Client::new(self)
    }

    /// Returns the host's log so far.
    pub fn log(&self) -> String {
        match &self.backend {
            HostBackend::Serve { log, .. } | HostBackend::Emulated { log, .. } => {
                log.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            HostBackend::Lambda { function, .. } => function.logs().join("\n"),
        }
    }

    /// Returns the plugins that the process has mapped into its memory, by file name.
    pub fn mapped_plugins(&self) -> Vec<String> {
        let HostBackend::Serve { child, .. } = &self.backend else {
            panic!("only of serve")
        };
        let maps =
            fs_err::read_to_string(format!("/proc/{}/maps", child.id())).expect("the process runs");
        let folder = self.layer.plugin_dir();
        let inside = maps
            .lines()
            .filter_map(|line| line.split_once('/'))
            .map(|(_, path)| format!("/{path}"));
        let mut names: Vec<_> = inside
            .filter_map(|path| {
                Some(
                    Path::new(&path)
                        .strip_prefix(&folder)
                        .ok()?
                        .display()
                        .to_string(),
                )
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Waits until the host has logged `text`: a log line may arrive after the answer it is about.
    ///
    /// # Panics
    /// When it is missing after [`LOG_TIMEOUT`].
    pub fn wait_for_log(&self, text: &str) {
        self.wait_for_log_times(text, 1);
    }

    /// Waits until the host has logged `text` so many times.
    ///
    /// # Panics
    /// When it is missing after [`LOG_TIMEOUT`].
    pub fn wait_for_log_times(&self, text: &str, times: usize) {
        let started = Instant::now();
        while self.log().matches(text).count() < times {
            assert!(
                started.elapsed() < LOG_TIMEOUT,
                "no {text:?} in the log, or not {times} times:\n{}",
                self.failure_report()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the answer to `GET /health`.
    pub fn health(&self) -> Value {
        let url = self.url.replace("/mcp", "/health");
        let mut answer = ureq::get(url).call().expect("the host answers");
        let text = answer.body_mut().read_to_string().expect("a readable body");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Returns the host's state and log for failure messages.
    pub(crate) fn failure_report(&self) -> String {
        format!(
            "url: {}\nlayer: {}\nlog:\n{}",
            self.url,
            self.layer.listing(),
            self.log()
        )
    }

    /// Returns the peak memory of the process so far. Unit: megabytes.
    pub fn peak_memory_mb(&self) -> u64 {
        let process = match &self.backend {
            HostBackend::Serve { child, .. } | HostBackend::Emulated { child, .. } => child.id(),
            HostBackend::Lambda { function, .. } => function.process_ids()[0],
        };
        let status = fs_err::read_to_string(format!("/proc/{process}/status"));
        let status = status.expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.expect("Linux tells the peak") / 1024
    }

    /// Kills the host, and returns everything it wrote to stdout.
    pub fn kill_and_read_stdout(mut self) -> String {
        let HostBackend::Serve { child, .. } = &mut self.backend else {
            panic!("only of serve")
        };
        child.kill().expect("the process runs");
        let mut text = String::new();
        let mut stdout = child.stdout.take().expect("stdout is piped");
        stdout.read_to_string(&mut text).expect("text");
        text
    }

    /// Asks the host to end, and returns its exit code and its log.
    ///
    /// # Panics
    /// When it does not end within [`LOG_TIMEOUT`].
    pub fn terminate(mut self) -> (Option<i32>, String) {
        let HostBackend::Serve { child, .. } = &self.backend else {
            panic!("only of serve")
        };
        crate::output_of(Command::new("kill").args(["-TERM", &child.id().to_string()]));
        let code = self.wait_for_exit();
        (code, self.log())
    }

    /// Waits for the end of the host, and returns its exit code.
    ///
    /// # Panics
    /// When it does not end within [`LOG_TIMEOUT`].
    pub fn wait_for_exit(&mut self) -> Option<i32> {
        let HostBackend::Serve { child, .. } = &mut self.backend else {
            panic!("only of serve")
        };
        wait_for_exit(child)
    }

    /// Sends the signal of Ctrl-C twice, and returns the exit code.
    pub fn interrupt_twice(mut self) -> Option<i32> {
        let HostBackend::Serve { child, .. } = &mut self.backend else {
            panic!("only serve can be interrupted")
        };
        let id = child.id().to_string();
        crate::output_of(Command::new("kill").args(["-INT", &id]));
        loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                return status.code();
            }
            // It may not have received the first yet, and two at once may count as one.
            std::thread::sleep(Duration::from_millis(50));
            let _ = Command::new("kill").args(["-INT", &id]).output();
        }
    }
}

/// Returns the event of an HTTP API with an authorizer that let this principal in.
pub fn http_api_event(
    principal: Option<&str>,
    method: &str,
    headers: &Value,
    body: &Value,
) -> Value {
    let claims = json!({ "sub": principal, "scope": "read" });
    let authorizer = principal.map(|_| json!({ "jwt": { "claims": claims, "scopes": [] } }));
    json!({
        "version": "2.0",
        "routeKey": "ANY /mcp",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "a.example", "domainPrefix": "a",
            "http": { "method": method, "path": "/mcp", "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "t" },
            "requestId": "r", "routeKey": "ANY /mcp", "stage": "$default", "time": "t", "timeEpoch": 1,
            "authorizer": authorizer,
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

impl Drop for Host {
    fn drop(&mut self) {
        let child = match &mut self.backend {
            HostBackend::Serve { child, .. } => child,
            HostBackend::Emulated {
                child, emulator, ..
            } => {
                emulator.end();
                child
            }
            HostBackend::Lambda { .. } => return,
        };
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Waits until a host ends by itself, and returns its exit code.
pub(crate) fn wait_for_exit(child: &mut Child) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return status.code();
        }
        assert!(started.elapsed() < LOG_TIMEOUT, "the host does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn function_config(layer: &Layer, variables: &[(&str, &str)]) -> FunctionConfig {
    let plugin_dir = layer.plugin_dir().to_string_lossy().into_owned();
    let config = FunctionConfig::new(bootstrap()).env("MCP_PLUGIN_DIR", plugin_dir);
    variables
        .iter()
        .fold(config, |config, (name, value)| config.env(*name, *value))
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("an async runtime")
}
