//! `cargo layer dev`, as a user meets it.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{OutsideRepository, cargo_layer, output_of, repository};

/// The time to wait for a build. Source: ours; far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running `dev`.
struct Dev {
    child: Child,
    printed: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
}

impl Dev {
    /// Starts it, and waits until it serves.
    fn start(command: Command) -> Self {
        let dev = Self::spawn(command);
        dev.until("serving", Self::is_ready);
        dev
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo-layer can be run");
        Self {
            printed: kept(child.stdout.take().expect("stdout is piped")),
            log: kept(child.stderr.take().expect("stderr is piped")),
            child,
        }
    }

    fn is_ready(&self) -> bool {
        self.printed().contains("Ctrl-C stops the server")
    }

    fn printed(&self) -> String {
        lines_of(&self.printed)
    }

    fn log(&self) -> String {
        lines_of(&self.log)
    }

    /// Returns the lines below a heading.
    fn section(&self, heading: &str) -> String {
        let printed = self.printed();
        let lines = printed
            .lines()
            .skip_while(|line| !line.starts_with(heading));
        let lines = lines.skip(1).take_while(|line| line.starts_with("  "));
        let text = lines.collect::<Vec<_>>().join("\n");
        assert!(
            !text.is_empty(),
            "nothing of {heading} in {printed}\n{}",
            self.log()
        );
        text
    }

    fn url(&self) -> String {
        let printed = self.printed();
        let url = printed
            .lines()
            .find_map(|line| line.strip_prefix("serving at "));
        url.unwrap_or_else(|| panic!("no URL in {printed}\n{}", self.log()))
            .to_owned()
    }

    /// Returns the folder with the unpacked layer.
    fn folder(&self) -> PathBuf {
        let log = self.log();
        let (_, served) = log
            .split_once("folder=")
            .expect("the folder of the plugins");
        let served = served.lines().next().expect("a line");
        let folder = served.strip_suffix("/lib");
        folder.unwrap_or_else(|| panic!("no lib in {log}")).into()
    }

    /// Returns the response of its server.
    fn ask(&self, method: &str, params: &Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let send = || {
            ureq::post(self.url())
                .header("Content-Type", "application/json")
                .header("Accept", "application/json, text/event-stream")
                .header("MCP-Protocol-Version", "2025-11-25")
                .send(message.to_string())
        };
        let answer = match send() {
            // A server that is replaced may end a connection before it has read from it: clients send again.
            Err(ureq::Error::Io(_)) => send(),
            answer => answer,
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
        let text = answer.body_mut().read_to_string().expect("a body");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn text_of(&self, tool: &str) -> String {
        let answer = self.ask("tools/call", &json!({ "name": tool, "arguments": {} }));
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("no text in {answer}"))
            .to_owned()
    }

    fn tools(&self) -> Vec<String> {
        let answer = self.ask("tools/list", &json!({}));
        let tools = answer["result"]["tools"].as_array();
        let tools = tools
            .unwrap_or_else(|| panic!("no tools in {answer}"))
            .iter();
        tools
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// Waits until a condition holds.
    fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < PATIENCE, "never {what}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends Ctrl-C, and returns the exit code.
    fn interrupt(&mut self) -> Option<i32> {
        output_of(Command::new("kill").args(["-INT", &self.child.id().to_string()]));
        self.child.wait().expect("dev ends").code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have ended already; SIGTERM, since its host would survive it if it were killed.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .output();
        let _ = self.child.wait();
    }
}

/// Collects the lines that a process prints, as they come.
fn kept(pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let lines = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut lines = kept.lock().unwrap_or_else(PoisonError::into_inner);
            *lines += &format!("{line}\n");
        }
    });
    lines
}

fn lines_of(kept: &Mutex<String>) -> String {
    kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Returns `dev` with the examples of this repository.
fn examples(args: &[&str]) -> Command {
    let mut command = Command::new(cargo_layer());
    command
        .args(["layer", "dev"])
        .args(args)
        .current_dir(repository());
    command
}

#[test]
fn dev_serves_the_examples_and_prints_lines_that_work() {
    let mut dev = Dev::start(examples(&["--listen", "127.0.0.1:0"]));
    let curl = dev.section("Try it:");
    let answer: Value =
        serde_json::from_str(&output_of(Command::new("sh").args(["-c", &curl]))).expect("JSON");
    let tools = answer["result"]["tools"].as_array();
    let tools = tools.unwrap_or_else(|| panic!("no tools in {answer}"));
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        [
            "greet",
            "multiply",
            "add",
            "fetch",
            "fetchJson",
            "currentTime",
            "convertTime",
            "addToDate",
            "daysBetween",
            "addTodo",
            "listTodos",
            "finishTodo",
            "clearTodos"
        ]
    );
    for client in [
        "Claude Code",
        "VS Code",
        "Cursor",
        "Codex",
        "Gemini CLI",
        "MCP Inspector",
    ] {
        let printed = dev.section(client);
        assert!(printed.contains(&dev.url()), "{client}: {printed}");
    }
    assert_eq!(starts_a_server(&dev.section("Claude Desktop")), names);

    assert_eq!(dev.interrupt(), Some(0), "Ctrl-C is a clean end");
    assert!(!dev.folder().exists(), "it leaves nothing unpacked behind");
}

/// Returns the tools of a server that a client starts by its configuration.
fn starts_a_server(config: &str) -> Vec<String> {
    let config: Value = serde_json::from_str(config).expect("JSON");
    let server = &config["mcpServers"]["tools"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let args = server["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(text);
    let mut child = Command::new(text(&server["command"]))
        .args(args)
        // A client has its own folders and variables.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command can be run");
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
    let mut stdin = child.stdin.take().expect("stdin is piped");
    std::io::Write::write_all(&mut stdin, format!("{list}\n").as_bytes()).expect("it reads");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    stdout.read_line(&mut line).expect("it answers");
    let answer: Value = serde_json::from_str(&line).expect("JSON");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let tools = answer["result"]["tools"].as_array().expect("tools").iter();
    tools.map(|tool| text(&tool["name"])).collect()
}

/// Returns a source with a tool of each of these names, which returns this text.
fn write_tools(folder: &Path, tools: &[(&str, &str)]) {
    let functions = tools.iter().map(|(name, expression)| {
        format!("/// Says something.\n#[tool(read_only)]\npub fn {name}() -> String {{\n    {expression}\n}}\n\n")
    });
    let names: Vec<_> = tools.iter().map(|(name, _)| *name).collect();
    let text = format!(
        "//! Tools.\nuse plugin_sdk::prelude::*;\n\n{}export_tools!({});\n",
        functions.collect::<String>(),
        names.join(", ")
    );
    fs_err::write(folder.join("src/lib.rs"), text).expect("a source");
}

const VARIABLE: &str = "std::env::var(\"MINE\").unwrap_or_default()";

#[test]
fn a_change_is_served_and_what_is_broken_leaves_the_last_good_version_serving() {
    let elsewhere = OutsideRepository::create();
    elsewhere.run("cargo layer new changing");
    let mine = elsewhere.path("changing");
    let source = |tools: &[(&str, &str)]| write_tools(&mine, tools);
    let crash: (&str, &str) = ("crash", "std::process::abort()");
    source(&[
        ("first", "\"one\".to_owned()"),
        ("variable", VARIABLE),
        crash,
    ]);
    let dev =
        Dev::start(elsewhere.shell("cd changing && exec cargo-layer dev --listen 127.0.0.1:0"));
    assert_eq!(dev.text_of("first"), "one");
    assert_eq!(dev.text_of("variable"), "");

    // A change in a new file.
    source(&[
        ("first", "include_str!(\"two.txt\").to_owned()"),
        ("variable", VARIABLE),
        crash,
    ]);
    fs_err::write(mine.join("src/two.txt"), "two").expect("a file");
    dev.until("two", |dev| dev.text_of("first") == "two");
    fs_err::write(mine.join("src/two.txt"), "three").expect("a file");
    dev.until("three", |dev| dev.text_of("first") == "three");

    // It does not compile.
    source(&[("first", "no rust")]);
    dev.until("an error", |dev| {
        dev.log().contains("error[COMPILE_FAILED]: ")
    });
    dev.until("a word of what serves", |dev| {
        dev.log()
            .contains("the previous build is still served; waiting for a change")
    });
    assert_eq!(dev.text_of("first"), "three");
    // It compiles, but cannot be a plugin: two tools have the same name.
    let double = "#[tool(read_only, name = \"first\")]\npub fn second() {}\n\nexport_tools!(first, second);\n";
    write_tools(&mine, &[("first", "\"four\".to_owned()")]);
    let text = fs_err::read_to_string(mine.join("src/lib.rs")).expect("a source");
    let text = text.replace(
        "export_tools!(first);\n",
        &format!("/// Says nothing.\n{double}"),
    );
    fs_err::write(mine.join("src/lib.rs"), text).expect("a source");
    dev.until("a refusal", |dev| {
        dev.log().matches("waiting for a change").count() == 2
    });
    assert_eq!(dev.text_of("first"), "three", "{}", dev.log());

    // The crate is fixed.
    source(&[
        ("first", "\"four\".to_owned()"),
        ("variable", VARIABLE),
        crash,
    ]);
    dev.until("four", |dev| dev.text_of("first") == "four");
    // Variables for the tools.
    fs_err::write(mine.join(".env"), "MINE='a secret'\n").expect("a file");
    dev.until("the variable", |dev| dev.text_of("variable") == "a secret");
    fs_err::write(mine.join(".env"), "MINE='a secret\n").expect("a file");
    dev.until("a complaint", |dev| dev.log().contains("error[ENV_FILE]: "));
    assert!(!dev.log().contains("a secret"), "{}", dev.log());
    assert_eq!(dev.text_of("variable"), "a secret");

    // A tool that ends the host does not end `dev`.
    let died = ureq::post(dev.url()).header("MCP-Protocol-Version", "2025-11-25").send(
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "crash" } }).to_string(),
    );
    assert!(died.is_err(), "{died:?}");
    dev.until("a new host", |dev| dev.log().contains("starting it again"));
    assert_eq!(dev.text_of("first"), "four");
    assert_eq!(dev.tools(), ["first", "variable", "crash"]);
}

#[test]
fn a_broken_crate_is_served_once_it_builds() {
    let elsewhere = OutsideRepository::create();
    elsewhere.run("cargo layer new broken");
    let mine = elsewhere.path("broken");
    write_tools(&mine, &[("first", "no rust")]);
    let dev = Dev::spawn(elsewhere.shell("cd broken && exec cargo-layer dev --listen 127.0.0.1:0"));
    dev.until("an error", |dev| {
        dev.log()
            .contains("nothing is served yet; waiting for a change")
    });
    write_tools(&mine, &[("first", "\"good\".to_owned()")]);
    dev.until("serving", Dev::is_ready);
    assert_eq!(dev.text_of("first"), "good", "{}", dev.log());
}

#[test]
fn dev_serves_a_function_behind_a_gateway() {
    let elsewhere = OutsideRepository::create();
    elsewhere.run("cargo layer new behind");
    let mine = elsewhere.path("behind");
    let on_lambda = (
        "name",
        "std::env::var(\"AWS_LAMBDA_FUNCTION_NAME\").unwrap_or_default()",
    );
    for event in ["rest", "http", "url", "url-stream", "alb"] {
        write_tools(&mine, &[on_lambda, ("variable", VARIABLE)]);
        fs_err::write(mine.join(".env"), "MINE=mine\n").expect("a file");
        let dev = Dev::start(elsewhere.shell(&format!(
            "cd behind && MINE=shell exec cargo-layer dev --listen 127.0.0.1:0 --event {event}"
        )));
        assert_eq!(dev.text_of("name"), "dev");
        assert_eq!(dev.text_of("variable"), "mine");
        write_tools(&mine, &[on_lambda, ("second", "\"two\".to_owned()")]);
        dev.until("the second tool", |dev| dev.tools() == ["name", "second"]);
        write_tools(&mine, &[("second", "no rust")]);
        dev.until("an error", |dev| {
            dev.log().contains("error[COMPILE_FAILED]: ")
        });
        assert_eq!(dev.text_of("second"), "two");
    }
}

#[test]
fn a_dev_that_is_killed_leaves_no_host_behind_and_no_folder_for_long() {
    let elsewhere = OutsideRepository::create();
    elsewhere.run("cargo layer new killed");
    let start =
        || Dev::start(elsewhere.shell("cd killed && exec cargo-layer dev --listen 127.0.0.1:0"));
    let mut killed = start();
    let (url, folder) = (killed.url(), killed.folder());
    killed.child.kill().expect("it runs");
    killed.child.wait().expect("it ends");
    let answers = || {
        !matches!(
            ureq::get(&url).call(),
            Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed)
        )
    };
    killed.until("no host", |_| !answers());
    assert!(folder.exists());
    let next = start();
    assert_ne!(next.folder(), folder);
    assert!(!folder.exists(), "whoever comes next removes it");
}

#[test]
fn an_address_that_is_taken_or_public_is_refused_before_anything_is_built() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (listen, code) in [
        (taken.as_str(), "LISTEN_FAILED"),
        ("0.0.0.0:0", "LISTEN_PUBLIC"),
    ] {
        let output = examples(&["--listen", listen])
            .output()
            .expect("cargo-layer can be run");
        assert_eq!(output.status.code(), Some(1));
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(
            printed.starts_with(&format!("error[{code}]: ")),
            "{printed}"
        );
    }
}
