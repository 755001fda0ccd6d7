//! The memory that one request can take, by its shape. A function has 256 MB.

use std::fmt::Write;

use tests::{FrontDoor, Host, Layer};

/// The memory of the function that the documents recommend. Unit: megabytes.
const FUNCTION_MEMORY: u64 = 256;

/// A little less than the largest body. Unit: bytes.
const SIZE: usize = 5_800_000;

/// A message of so many bytes, as JSON.
type Shape = fn(usize) -> String;

const SHAPES: [(&str, Shape); 9] = [
    ("an array of numbers", |size| call(&array("1", size))),
    ("an array of objects", |size| {
        call(&array(r#"{"":1}"#, size))
    }),
    ("an array of strings", |size| call(&array(r#""""#, size))),
    ("an array of arrays", |size| call(&array("[[]]", size))),
    ("one long string", |size| {
        call(&format!(r#""{}""#, "x".repeat(size)))
    }),
    ("JSON in a string", |size| {
        call(&format!(r#""{}""#, array("1", size)))
    }),
    ("deep arrays", |size| {
        call(&format!("{}{}", "[".repeat(size / 2), "]".repeat(size / 2)))
    }),
    ("members of params", |size| {
        let members = members(size);
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{{members}}}}}"#)
    }),
    ("a batch", |size| {
        array(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, size)
    }),
];

/// A call with this argument.
fn call(argument: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"convertTime","arguments":{{"time":{argument}}}}}}}"#
    )
}

fn array(item: &str, size: usize) -> String {
    let count = size / (item.len() + 1);
    format!("[{}]", vec![item; count].join(","))
}

/// As many members of an object as fit into the size.
fn members(size: usize) -> String {
    let mut members = String::with_capacity(size);
    for number in 0.. {
        if members.len() + 16 > size {
            return members;
        }
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(members, r#"{comma}"{number}":1"#);
    }
    members
}

#[test]
fn a_request_of_any_shape_fits_into_the_memory_of_a_small_function() {
    let layer = Layer::of(["time-tools"]);
    let mut rows = Vec::new();
    for (name, shape) in SHAPES {
        for size in [SIZE / 8, SIZE] {
            let body = shape(size);
            for front_door in [None, Some(FrontDoor::function_url())] {
                let host = match &front_door {
                    None => Host::serve(&layer),
                    Some(front_door) => {
                        Host::lambda_with_one_environment(&layer, front_door.clone(), &[])
                    }
                };
                let headers = [("Content-Type", "application/json")];
                let answer = host.connect().send("POST", &headers, &body);
                let is_answered = matches!(answer.status, 200 | 400 | 413);
                assert!(is_answered, "{name}, {}: {}", body.len(), answer.status);
                // The process is still there, and serves.
                assert!(!host.connect().list().is_empty(), "{name}");
                let peak = host.peak_memory_mb();
                let door = if front_door.is_some() {
                    "Lambda"
                } else {
                    "serve"
                };
                rows.push(format!(
                    "| {name} | {} | {door} | {} | {peak} |",
                    body.len(),
                    answer.status
                ));
                assert!(peak < FUNCTION_MEMORY, "{}", rows.join("\n"));
            }
        }
    }
    println!("| shape | bytes | door | status | peak, MB |\n|---|---|---|---|---|");
    println!("{}", rows.join("\n"));
}
