//! What the README tells an operator to type, typed: against moto, which answers as AWS does.

use serde_json::{Value, json};
use tests::{Layer, Moto, aws_cli, bootstrap, output_of, readme, target};

/// The README's code for the shell that deploys, and that which swaps the layer.
fn commands() -> [String; 2] {
    let blocks = readme::code("Deployment", "sh").into_iter();
    let mut blocks = blocks.filter(|block| block.contains("aws lambda "));
    [
        blocks.next().expect("one that deploys"),
        blocks.next().expect("one that swaps"),
    ]
}

/// The README's code that makes the table of sessions.
fn table() -> String {
    let mut blocks = readme::code("Sessions and state", "sh").into_iter();
    let block = blocks.find(|block| block.contains("aws dynamodb create-table"));
    block.expect("one that makes a table")
}

/// An account of one's own, a folder with both archives, and a shell in it.
struct Account {
    moto: Moto,
    folder: tempfile::TempDir,
}

impl Account {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // It is made when it is asked for what is in it.
        bootstrap();
        let function = target().join("function.zip");
        fs_err::copy(function, folder.path().join("function.zip")).expect("a function");
        let account = Self {
            moto: Moto::start(),
            folder,
        };
        account.has_layer("custom-tools");
        account
    }

    /// Make the layer of an example the one in the folder.
    fn has_layer(&self, plugin: &str) {
        Layer::of([plugin]);
        let zip = target().join(format!("{plugin}.zip"));
        fs_err::copy(zip, self.folder.path().join("layer.zip")).expect("a layer");
    }

    fn shell(&self, script: &str) -> String {
        let mut shell = aws_cli("sh");
        shell
            .args(["-euc", script])
            .current_dir(self.folder.path())
            .env("AWS_ENDPOINT_URL", self.moto.endpoint())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "tests")
            .env("AWS_SECRET_ACCESS_KEY", "tests");
        output_of(&mut shell)
    }

    fn json(&self, command: &str) -> Value {
        let text = self.shell(&format!("aws {command} --output json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

#[test]
fn the_readmes_commands_deploy_and_swap() {
    let account = Account::new();
    let [deploy, swap] = commands();
    account.shell(&deploy);
    let configuration = "lambda get-function-configuration --function-name mcp-host";
    let function = account.json(configuration);
    for (member, expected) in [
        ("Runtime", json!("provided.al2023")),
        ("Handler", json!("bootstrap")),
        ("Architectures", json!(["x86_64"])),
        ("MemorySize", json!(256)),
        ("Timeout", json!(30)),
    ] {
        assert_eq!(function[member], expected, "{member} of {function}");
    }
    let layer = |version: u32| {
        json!(format!(
            "arn:aws:lambda:eu-west-1:123456789012:layer:mcp-tools:{version}"
        ))
    };
    assert_eq!(function["Layers"][0]["Arn"], layer(1), "{function}");
    let versions = account.json("lambda list-layer-versions --layer-name mcp-tools");
    let version = &versions["LayerVersions"][0];
    assert_eq!(version["CompatibleRuntimes"], json!(["provided.al2023"]));
    assert_eq!(version["CompatibleArchitectures"], json!(["x86_64"]));
    // Nobody gets in without a signature, and only the gateway may invoke.
    let apis = account.json("apigatewayv2 get-apis");
    let api = apis["Items"][0]["ApiId"].as_str().expect("an API");
    let routes = account.json(&format!("apigatewayv2 get-routes --api-id {api}"));
    assert_eq!(routes["Items"][0]["RouteKey"], "ANY /mcp", "{routes}");
    assert_eq!(routes["Items"][0]["AuthorizationType"], "AWS_IAM");
    let policy = account.json("lambda get-policy --function-name mcp-host");
    let policy: Value =
        serde_json::from_str(policy["Policy"].as_str().expect("a policy")).expect("JSON");
    let statement = &policy["Statement"][0];
    assert_eq!(
        statement["Principal"],
        json!({ "Service": "apigateway.amazonaws.com" })
    );
    let source = statement["Condition"]["ArnLike"]["AWS:SourceArn"].as_str();
    assert_eq!(
        source,
        Some(format!("arn:aws:execute-api:eu-west-1:123456789012:{api}/*/*").as_str()),
        "{policy}"
    );

    account.has_layer("time-tools");
    account.shell(&swap);
    let swapped = account.json(configuration);
    assert_eq!(swapped["Layers"][0]["Arn"], layer(2), "{swapped}");
    assert_eq!(swapped["Layers"].as_array().map(Vec::len), Some(1));
    // The host stays what it was.
    assert_eq!(swapped["CodeSha256"], function["CodeSha256"]);

    account.shell(&table());
    let table = account.json("dynamodb describe-table --table-name mcp-sessions");
    let key = json!([{ "AttributeName": "session_id", "KeyType": "HASH" }]);
    assert_eq!(table["Table"]["KeySchema"], key, "{table}");
    let expiry = account.json("dynamodb describe-time-to-live --table-name mcp-sessions");
    assert_eq!(
        expiry["TimeToLiveDescription"],
        json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at" })
    );
    let with_table = account.json(configuration);
    assert_eq!(
        with_table["Environment"]["Variables"],
        json!({ "SESSION_TABLE": "mcp-sessions" })
    );
    // Only what was named is another.
    assert_eq!(with_table["Layers"], swapped["Layers"]);
}
