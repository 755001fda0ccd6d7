use plugin_sdk::prelude::*;

struct Pool;

struct Client;

fn client() -> Result<Client, String> {
    Ok(Client)
}

/// Ask.
#[tool]
fn ask(pool: State<Pool>) {
    let _ = pool;
}

export_tools!(state = client, ask);

fn main() {}
