//! Checks the values of environment variables further than their types: single values, and combinations of them.

use http::HeaderName;

use super::values::Values;

/// Headers that no plugin may see, because their values allow acting as the caller.
const SECRET_HEADERS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-amz-security-token",
    "x-api-key",
];

/// Checks the durations that must not be 0.
pub(super) fn check_times(values: &mut Values<'_>) {
    for (name, why) in [
        (
            "MCP_CALL_TIMEOUT_MS",
            "every call would time out; unset it for the gateway's own limit",
        ),
        (
            "MCP_STATE_TTL_SECONDS",
            "no client could answer a tool's question; unset it for an hour",
        ),
        (
            "MCP_SESSION_TTL_SECONDS",
            "sessions and stored state would expire immediately; unset it for a day",
        ),
    ] {
        let value = values.text(name);
        if value.is_some_and(|value| value.parse() == Ok(0_u64)) {
            values.problems.push(format!("{name} is 0, so that {why}"));
        }
    }
}

/// Checks the URL of DynamoDB's endpoint, if a table is used.
pub(super) fn check_endpoints(values: &mut Values<'_>, has_table: bool) {
    if !has_table {
        return;
    }
    for name in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"] {
        let url = values.text(name);
        if let Some(problem) = url.and_then(|url| endpoint_problem(&url)) {
            values.problems.push(format!("{name} {problem}"));
        }
    }
    if values.is_blank("AWS_ENDPOINT_URL_DYNAMODB") {
        // The AWS SDK reads this variable too, and a blank value makes it panic at the first request.
        values.problems.push(
            "AWS_ENDPOINT_URL_DYNAMODB is blank, which is not a URL; unset it for AWS's own endpoint"
                .to_owned(),
        );
    }
}

/// Checks that strict sessions on Lambda are stored in a table, because all execution environments must know them.
pub(super) fn check_strict_sessions(values: &mut Values<'_>, on_lambda: bool, has_table: bool) {
    if on_lambda && !has_table {
        values.problems.push(
            "MCP_SESSION_MODE is strict, which needs a table that all environments share; set MCP_SESSION_TABLE"
                .to_owned(),
        );
    }
}

/// Checks the form of the permitted origins and hosts.
pub(super) fn check_callers(values: &mut Values<'_>, origins: &[String], hosts: &[String]) {
    for origin in origins.iter().filter(|origin| !is_origin(origin)) {
        values.problems.push(format!(
            "MCP_ALLOWED_ORIGINS has {origin:?}; write each origin as a browser sends it, such as https://app.example.com"
        ));
    }
    for host in hosts.iter().filter(|host| host.contains(['*', '/', ' '])) {
        values.problems.push(format!(
            "MCP_ALLOWED_HOSTS has {host:?}; write each host by its name, such as devbox or devbox:3000"
        ));
    }
}

/// Parses the name of a header that plugins may see. The error is the reason why they may not see it, as the end of a
/// sentence.
pub(super) fn context_header(name: &str) -> Result<HeaderName, &'static str> {
    let header: HeaderName = name
        .parse()
        .map_err(|_| "which is not a header name; write names such as x-tenant")?;
    if SECRET_HEADERS.contains(&header.as_str()) {
        return Err(
            "a secret that lets a plugin act as the caller; remove it, tools identify the caller by the principal and its claims",
        );
    }
    Ok(header)
}

/// Reports whether a text is an origin such as `https://app.example.com:8443`, which consists of a scheme and an
/// authority.
fn is_origin(text: &str) -> bool {
    let authority = text
        .split_once("://")
        .map(|(_, authority)| authority.trim_end_matches('/'));
    authority.is_some_and(|authority| !authority.is_empty() && !authority.contains(['*', '/', ' ']))
}

/// Returns the reason why a URL is not a valid endpoint, as the end of a sentence. The reason never quotes a user name
/// or password in the URL.
fn endpoint_problem(url: &str) -> Option<String> {
    if url.contains('@') {
        return Some(
            "contains a user or a password, which DynamoDB does not use; write http://HOST:PORT or https://HOST"
                .to_owned(),
        );
    }
    let parsed = url.parse::<http::Uri>().ok();
    let host = parsed
        .filter(|url| matches!(url.scheme_str(), Some("http" | "https")))
        .and_then(|url| Some(!url.host()?.is_empty()));
    (host != Some(true)).then(|| {
        format!("is {url:?}; it must have a scheme and a host, such as http://localhost:8000")
    })
}
