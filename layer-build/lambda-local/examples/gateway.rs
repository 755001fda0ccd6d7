//! Serves an HTTP API in front of a program as a Lambda function, and prints its URL:
//! `gateway PROGRAM [NAME=value]...`. The program may be a script that starts the actual function elsewhere.

use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let program = args.next().ok_or("name the program to run")?;
    let mut config = FunctionConfig::new(program);
    config.forward_logs = true;
    for variable in args {
        let (name, value) = variable.split_once('=').ok_or("write NAME=value")?;
        config = config.env(name, value);
    }
    let function = Function::new(config);
    function.warm_up().await?;
    let gateway = Gateway::start(
        function,
        FrontDoor::http_api("$default"),
        ([127, 0, 0, 1], 0).into(),
    )
    .await?;
    print(gateway.url());
    std::future::pending().await
}

#[expect(clippy::print_stdout, reason = "what was asked for")]
fn print(url: &str) {
    println!("{url}");
}
