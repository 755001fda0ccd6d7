//! The architecture as tables: which part of a crate may import which, and which may name another crate.
//!
//! A table lists the parts of a crate from the top to the bottom. A part imports parts below it, and only those that its row
//! names. An import that the architecture lacks needs a change of the code or of a row here, and a reason for either.

use structure::{Crate, Part, ROOTS, Reserved, layering_faults, repository, reservation_faults};

/// Returns a row: the files of a part, and the parts it may import.
const fn row(files: &'static str, may_import: &'static str) -> Part {
    Part { files, may_import }
}

/// Returns a row: paths of other crates, and the files that may name them.
const fn only(paths: &'static str, files: &'static str) -> Reserved {
    Reserved { paths, files }
}

/// The host: transport, server, plugin, store, process, configuration.
const HOST: &[Part] = &[
    row("lib main", ""),
    row(
        "cli",
        "transport transport/lambda transport/serve transport/stdio plugin/requirements process config",
    ),
    // Front doors do not know each other. They turn events and requests into requests of the server.
    row(
        "transport/lambda",
        "server/http/response server/http/sse server/dispatch server server/session server/access_log server/request plugin/invocation/context process/log/output config",
    ),
    row(
        "transport/serve",
        "transport server/http server server/http/response server/request start_error plugin/invocation/context process/log/output config",
    ),
    // stdio has no HTTP.
    row(
        "transport/stdio",
        "transport server/dispatch server server/session server/request plugin/invocation/context store config",
    ),
    row("transport", "process/log/output"),
    // The server, from HTTP inwards.
    row(
        "server/http",
        "server/dispatch server server/session server/http/auth server/access_log server/http/response server/request plugin/catalog process/log/output",
    ),
    row(
        "server/dispatch",
        "server server/tools_list server/call server/session server/request",
    ),
    row(
        "server",
        "start_error server/tools_list server/call server/session server/http/auth server/access_log server/request \
         plugin/catalog plugin/invocation/context store/dynamodb store config",
    ),
    row("start_error", "plugin/catalog"),
    row(
        "server/tools_list",
        "server/request plugin/catalog plugin/invocation/context",
    ),
    row(
        "server/call",
        "server/session server/request plugin plugin/catalog plugin/library plugin/invocation/host_api plugin/invocation/context \
         store/dynamodb store store/seal digest config",
    ),
    row(
        "server/session",
        "server/request plugin/invocation/context store config",
    ),
    row(
        "server/http/auth server/http/cors",
        "server/http/response server/request plugin/invocation/context server/http/bearer_tokens config",
    ),
    row(
        "server/access_log server/metrics",
        "server/http/response server/request process/log/output",
    ),
    row("server/http/response", "server/request"),
    // A request and its handling.
    row(
        "server/request server/record server/outcome server/call/deadline server/http/headers server/http/response_limit",
        "plugin/catalog plugin/invocation/context store",
    ),
    // Plugins: a call, the tools, a library, the folder. The host's answers to a plugin know none of them.
    row(
        "plugin plugin/invocation",
        "plugin/catalog plugin/library plugin/invocation/host_api plugin/wire process",
    ),
    row(
        "plugin/catalog",
        "plugin/library plugin/folder plugin/requirements config",
    ),
    row(
        "plugin/library",
        "plugin/folder plugin/invocation/host_api plugin/requirements plugin/wire process",
    ),
    row("plugin/folder", "process"),
    row(
        "plugin/invocation/host_api plugin/invocation/active_calls plugin/invocation/input_requests \
         plugin/invocation/notification_buffer plugin/invocation/quarantine",
        "plugin/invocation/context plugin/wire store digest",
    ),
    row("plugin/invocation/context", ""),
    row("plugin/wire", ""),
    row("plugin/requirements", ""),
    // State that outlives a request. Only the server knows where it is kept.
    row("store/dynamodb", "store store/seal"),
    row("store", "process config"),
    row("process", "config"),
    // All other parts receive their settings from `config`. Two of its values have separate types.
    row("config", "server/http/bearer_tokens store/seal"),
    row("server/http/bearer_tokens", ""),
    row("store/seal", ""),
    row("digest", ""),
];

/// The paths of other crates and of the standard library that the host keeps in one place.
const HOST_RESERVED: &[Reserved] = &[
    // `config` decides; all other parts receive their settings.
    only(
        "std::env::var std::env::var_os std::env::vars std::env::vars_os",
        "cli store/dynamodb/client",
    ),
    only("std::env::set_var", ""),
    only("std::env::remove_var", "transport/lambda/xray"),
    // Lambda and the AWS SDK.
    only("lambda_http", "transport/lambda"),
    only(
        "aws_config aws_sdk_dynamodb aws_smithy_http_client rustls",
        "store/dynamodb",
    ),
    // HTTP: connections belong to front doors; plugins, stores and the process know none of it.
    only("hyper hyper_util http_body_util", "transport"),
    only("http_body", "transport/lambda server/http/sse"),
    only("http", "transport server config"),
    only("mcp_protocol::jsonrpc", "transport/stdio server"),
    only("tokio::net", "transport"),
    // Plugins and their files.
    only("libloading", "plugin/library"),
    only("object", "plugin/folder"),
    only("plugin_abi", "plugin cli"),
    // The process.
    only("libc", "process/crash_handler transport/lambda/xray"),
    only("rustix", "process/stdout_redirect process/log/output"),
    only("tracing_subscriber", "process/log"),
    only("lexopt", "cli"),
    // Secrets.
    only("chacha20poly1305", "store/seal server/http/bearer_tokens"),
    only("subtle", "server/http/bearer_tokens"),
];

/// `cargo layer`: verbs over libraries.
const LAYER_BUILD: &[Part] = &[
    row("main", "args command error exit process/host"),
    // A verb may import every library.
    row(
        "command",
        "args static_check mcp build aws archive compare library process terminal finding exit error aws/error",
    ),
    // Arguments are made of the values that libraries take.
    row(
        "args",
        "mcp build aws library library/glibc process/child exit",
    ),
    row(
        "static_check",
        "aws/lambda archive library library/glibc terminal/escape finding",
    ),
    row("mcp", "build aws/sigv4 archive process error"),
    row("build", "archive library process error"),
    row("aws", "archive compare process terminal error aws/error"),
    row("archive", "compare library process terminal error"),
    row("library", "process terminal finding error library/glibc"),
    row("process", "error"),
    row("terminal", ""),
    row("compare", ""),
    row("finding", ""),
    row("exit", ""),
    // An error is printed with its remedy, that of a library as well.
    row("error", "aws/error library/glibc"),
    row("aws/error", ""),
    row("library/glibc", ""),
];

/// The paths of other crates that `cargo layer` keeps in one place.
const LAYER_BUILD_RESERVED: &[Reserved] = &[
    // Libraries take their own options, never those of the command line.
    only("clap clap_complete", "args command/completions main"),
    // Libraries block; code that does several things at once is a verb.
    only("tokio", "command/bench command/dev"),
    only("lambda_local", "command/bench command/dev"),
    only("notify ignore", "command/dev"),
    only("addr2line", "command/symbolize"),
    only("comfy_table", "command/bench command/inspect"),
    // The program is the host as well, in a process of its own.
    only("host::main", "main"),
    only("host::plugin::describe", "command/describe"),
    only("cargo_metadata", "build error"),
    only("object", "library"),
    only("zip", "archive error"),
    only("aws_sigv4 aws_credential_types", "aws/sigv4"),
    only("dotenvy", "process/env_file"),
    only("indicatif", "terminal/progress"),
];

/// The protocol is text and values: no library of HTTP, no AWS, no async runtime, no plugin.
const PROTOCOL_RESERVED: &[Reserved] = &[only(
    "http hyper tokio futures_util lambda_http aws_config plugin_abi abi_stable tracing std::env std::fs std::net \
     std::process std::thread",
    "",
)];

fn read(root: &str) -> Crate {
    Crate::read(&repository().join(root))
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn host_parts_import_only_allowed_parts() {
    let host = read("host/src/lib.rs");
    let imports = layering_faults(&host, HOST);
    let reserved = reservation_faults(&host, HOST_RESERVED);
    assert_none(&[imports, reserved].concat());
}

#[test]
fn cargo_layer_parts_import_only_allowed_parts() {
    let cargo_layer = read("layer-build/src/main.rs");
    let imports = layering_faults(&cargo_layer, LAYER_BUILD);
    let reserved = reservation_faults(&cargo_layer, LAYER_BUILD_RESERVED);
    assert_none(&[imports, reserved].concat());
}

#[test]
fn the_protocol_knows_neither_transport_nor_system() {
    let protocol = read("host/mcp-protocol/src/lib.rs");
    assert_none(&reservation_faults(&protocol, PROTOCOL_RESERVED));
}

/// Returns the verb of a file: `command/check` and `command/check/live` are one verb.
fn verb(file: &str) -> Option<&str> {
    file.strip_prefix("command/")?.split('/').next()
}

#[test]
fn no_verb_of_cargo_layer_imports_another() {
    let imports = read("layer-build/src/main.rs").imports();
    let between = imports.iter().filter(|(from, to)| {
        let verbs = verb(from).zip(verb(to));
        verbs.is_some_and(|(from, to)| from != to)
    });
    let faults = between.map(|(from, to)| format!("{from} imports {to}, another verb"));
    assert_none(&faults.collect::<Vec<_>>());
}

#[test]
fn no_crate_has_an_import_circle() {
    let circles = ROOTS.iter().flat_map(|root| {
        let circles = read(root).circles().into_iter();
        circles.map(move |files| format!("{root}: {} import each other", files.join(", ")))
    });
    assert_none(&circles.collect::<Vec<_>>());
}
