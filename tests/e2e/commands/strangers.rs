//! Layers and servers of strangers: their code sees nothing of the user, and their texts and sizes do no harm.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tests::{
    build_library, cargo_layer, declaration, manifest, output_of, packed, run_captured, script,
    scripted, tool,
};

/// A text that changes colours, clears a line, rings, and turns the direction of text round.
const EVIL: &str = "evil\u{1b}[31m\u{9b}2K\u{7}\rover\u{202e}txt";

fn run(arguments: &[&str]) -> (String, String, Option<i32>) {
    run_captured(Command::new(cargo_layer()).args(arguments))
}

fn assert_harmless(text: &str) {
    let is_unsafe = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c)
    };
    assert!(!text.contains(is_unsafe), "{text:?}");
}

/// A library that writes a file when a process loads it that opens libraries of plugins or serves them.
fn spy(folder: &Path, mark: &Path) -> PathBuf {
    let source = folder.join("spy.c");
    let code = r#"
        #include <stdio.h>
        #include <string.h>
        __attribute__((constructor)) static void look(int argc, char **argv) {
            if (argc > 1 && (!strcmp(argv[1], "__describe") || !strcmp(argv[1], "__host"))) {
                FILE *mark = fopen("MARK", "w");
                if (mark) fclose(mark);
            }
        }
    "#;
    let code = code.replace("MARK", mark.to_str().expect("UTF-8"));
    fs_err::write(&source, code).expect("a file");
    let library = folder.join("spy.so");
    output_of(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(&source),
    );
    library
}

#[test]
fn foreign_code_does_not_get_the_users_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("seen");
    let spy = spy(folder.path(), &mark);
    let library = fs_err::read(build_library("custom-tools")).expect("a library");
    let bare = packed("strange-bare.zip", &[("lib/libcustom_tools.so", &library)]);
    let bare = bare.to_str().expect("UTF-8");
    for arguments in [
        &["inspect", bare][..],
        &["diff", bare, bare],
        &["tools", "--layer", bare],
        &["check", bare],
    ] {
        let mut command = Command::new(cargo_layer());
        // Whatever is in the environment of a process that opens the library, this is.
        command.args(arguments).env("LD_PRELOAD", &spy);
        let (_, stderr, _) = run_captured(&mut command);
        assert!(!mark.exists(), "{arguments:?} passes the environment on");
        let says_so = ["inspect", "diff"].contains(&arguments[0]);
        assert_eq!(stderr.contains("its code is run"), says_so, "{stderr}");
    }
    // The spy itself works: a call gets the environment, since its tool may need credentials.
    let mut command = Command::new(cargo_layer());
    command.args(["call", "--layer", bare, "greet", r#"{"name":"Ada"}"#]);
    run_captured(command.env("LD_PRELOAD", &spy));
    assert!(mark.exists(), "the spy sees nothing");
}

#[test]
fn texts_of_a_layer_are_escaped_and_check_refuses_them() {
    let mut evil = tool("evil");
    evil["tool"]["description"] = EVIL.into();
    evil["tool"]["inputSchema"] = json!({ "type": "object", "properties": { EVIL: {} } });
    let declaration = declaration(&[evil]);
    let library = scripted(&script(&declaration));
    let manifest = manifest("evil", "libevil.so", &library, &declaration).to_string();
    let layer = packed(
        "strange-texts.zip",
        &[
            ("lib/libevil.so", &library),
            ("lib/evil.layer.json", manifest.as_bytes()),
        ],
    );
    let layer = layer.to_str().expect("UTF-8");
    for arguments in [
        &["inspect", layer][..],
        &["inspect", "--json", layer],
        &["tools", "--layer", layer],
        &["tools", "--json", "--layer", layer],
        &["call", "--layer", layer, "evil", "{}"],
        &["check", layer],
    ] {
        let (stdout, stderr, _) = run(arguments);
        assert_harmless(&stdout);
        assert_harmless(&stderr);
    }
    let (stdout, _, code) = run(&["check", layer]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("error[CONTROL_CHARACTER]"), "{stdout}");
    // Programs get the same value as before.
    let (stdout, _, _) = run(&["tools", "--json", "--layer", layer]);
    let tools: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(tools[0]["description"], EVIL);
}

/// Serves connections, each on its own thread, and returns the URL.
fn serve(answer: impl Fn(Value, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                if let Some(message) = read_message(&stream) {
                    answer(message, stream);
                }
            });
        }
    });
    url
}

/// Reads one request with a JSON body.
fn read_message(mut stream: &TcpStream) -> Option<Value> {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(message) = body.and_then(|body| serde_json::from_str(body).ok()) {
            return Some(message);
        }
    }
}

fn respond(mut stream: TcpStream, head: &str, body: &str) {
    let length = body.len();
    let text =
        format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    // The client may have gone.
    let _ = stream.write_all(text.as_bytes());
}

fn respond_json(stream: TcpStream, message: &Value, result: &Value) {
    let body = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    respond(
        stream,
        "200 OK\r\nContent-Type: application/json",
        &body.to_string(),
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let other = serve(move |message, stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        respond_json(stream, &message, &json!({ "tools": [] }));
    });
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let to = other.clone();
        let url = serve(move |_, stream| {
            respond(stream, &format!("{status}\r\nLocation: {to}"), "");
        });
        let (_, stderr, code) = run(&["tools", "--url", &url, "--header", "X-Api-Key: secret"]);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("error[REDIRECTED]"), "{stderr}");
        assert!(stderr.contains(&other), "{stderr}");
    }
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}

#[test]
fn a_list_without_an_end_is_an_error() {
    let same = serve(|message, stream| {
        let page = json!({ "tools": [{ "name": "a" }], "nextCursor": "again" });
        respond_json(stream, &message, &page);
    });
    let (_, stderr, code) = run(&["tools", "--url", &same]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("does not end"), "{stderr}");
    let endless = serve(|_, mut stream| {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        let mut sent = stream.write_all(head.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(&[b':'; 65536]);
        }
    });
    let (_, stderr, code) = run(&["tools", "--url", &endless]);
    assert_eq!(code, Some(1), "{stderr}");
}

#[test]
fn texts_of_a_server_are_escaped() {
    let url = serve(|message, stream| {
        let result = match message["method"].as_str() {
            Some("tools/list") => {
                json!({ "tools": [{ "name": EVIL, "description": EVIL, "inputSchema": {} }, { "name": "t" }] })
            }
            Some("tools/call") => {
                json!({ "content": [{ "type": "text", "text": EVIL }], "isError": true })
            }
            _ => json!({ "serverInfo": { "name": EVIL, "version": EVIL } }),
        };
        respond_json(stream, &message, &result);
    });
    for arguments in [
        &["tools", "--url", &url][..],
        &["tools", "--dump", "--url", &url],
        &["call", "--url", &url, "t", "{}"],
        &["call", "--json", "--url", &url, "t", "{}"],
        &["call", "--url", &url, "unknown", "{}"],
    ] {
        let (stdout, stderr, _) = run(arguments);
        assert!(
            format!("{stdout}{stderr}").contains("evil"),
            "{arguments:?}"
        );
        assert_harmless(&stdout);
        assert_harmless(&stderr);
    }
    let refuses = serve(|_, stream| respond(stream, "500 No", EVIL));
    let (_, stderr, _) = run(&["tools", "--url", &refuses]);
    assert!(stderr.contains("evil"), "{stderr}");
    assert_harmless(&stderr);
}
