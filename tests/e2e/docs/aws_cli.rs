//! Runs the commands of `docs/operator` against moto, which answers as AWS does.

use serde_json::{Value, json};
use tests::{Account, Moto, documents};

/// Returns the shell code of the first deployment, and the code that replaces its layer.
fn commands() -> [String; 2] {
    let blocks =
        documents::code("docs/operator/deployment.md", "A first deployment", "sh").into_iter();
    let mut blocks = blocks.filter(|block| block.contains("aws lambda "));
    [
        blocks.next().expect("one that deploys"),
        blocks.next().expect("one that swaps"),
    ]
}

/// Returns the shell code that creates the table of sessions, the code that configures it in the function, and its permissions.
fn table() -> ([String; 2], String) {
    const PAGE: &str = "docs/operator/sessions.md";
    let blocks = documents::code(PAGE, "The table", "sh");
    let has = |fragment: &str| {
        let block = blocks.iter().find(|block| block.contains(fragment));
        block
            .unwrap_or_else(|| panic!("no code with {fragment}"))
            .clone()
    };
    let rights = documents::code(PAGE, "The table", "json").into_iter();
    let mut rights = rights.filter(|block| block.contains("dynamodb:GetItem"));
    (
        [
            has("aws dynamodb create-table"),
            has("aws iam put-role-policy"),
        ],
        rights.next().expect("rights"),
    )
}

#[test]
fn the_documented_commands_deploy_and_swap() {
    let moto = Moto::start();
    let account = Account::new(moto.endpoint());
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
    // Unsigned requests are rejected, and only the gateway may invoke.
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

    account.set_layer("time-tools");
    account.shell(&swap);
    let swapped = account.json(configuration);
    assert_eq!(swapped["Layers"][0]["Arn"], layer(2), "{swapped}");
    assert_eq!(swapped["Layers"].as_array().map(Vec::len), Some(1));
    // The host does not change.
    assert_eq!(swapped["CodeSha256"], function["CodeSha256"]);

    let ([make, give], rights) = table();
    account.shell(&make);
    let arn = "dynamodb describe-table --table-name mcp-sessions --query Table.TableArn";
    let arn = account.json(arn);
    let rights = rights.replace(
        "arn:aws:dynamodb:REGION:ACCOUNT:table/mcp-sessions",
        arn.as_str().expect("an ARN"),
    );
    fs_err::write(account.folder().join("rights.json"), &rights).expect("a file");
    let table = account.json("dynamodb describe-table --table-name mcp-sessions");
    let key = json!([{ "AttributeName": "session_id", "KeyType": "HASH" }]);
    assert_eq!(table["Table"]["KeySchema"], key, "{table}");
    let expiry = account.json("dynamodb describe-time-to-live --table-name mcp-sessions");
    assert_eq!(
        expiry["TimeToLiveDescription"],
        json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at" })
    );
    // For a function without variables, and for one with variables.
    let given = |before: Value| {
        account.shell(&give);
        let with_table = account.json(configuration);
        let mut after = before;
        after["MCP_SESSION_TABLE"] = json!("mcp-sessions");
        assert_eq!(with_table["Environment"]["Variables"], after);
        // Only the named setting changed.
        assert_eq!(with_table["Layers"], swapped["Layers"]);
    };
    given(json!({}));
    let variables =
        json!({ "Variables": { "MCP_STATE_KEY": "a, b=\"c\"", "ENTRY_FILE": "libtime_tools.so" } });
    account.shell(&format!("aws lambda update-function-configuration --function-name mcp-host --environment '{variables}'"));
    given(variables["Variables"].clone());
    let policy =
        account.json("iam get-role-policy --role-name mcp-host --policy-name mcp-sessions");
    let rights: Value = serde_json::from_str(&rights).expect("JSON");
    assert_eq!(policy["PolicyDocument"], rights);
}
