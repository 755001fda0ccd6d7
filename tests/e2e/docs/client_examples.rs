//! The examples for clients in `docs/client/examples`, run against the real host.

use tests::{Host, Layer, client_examples, output_of};

#[test]
fn the_examples_for_clients_list_and_call_tools() {
    let host = Host::serve(&Layer::of(["custom-tools"]));
    for mut example in client_examples() {
        let printed = output_of(example.arg(host.url()));
        assert_eq!(
            printed,
            "tools: greet, multiply, add\n\
             result: 42\n\
             error: Invalid arguments for tool multiply: /y is missing (it must be an integer)\n",
            "{example:?}"
        );
    }
}
