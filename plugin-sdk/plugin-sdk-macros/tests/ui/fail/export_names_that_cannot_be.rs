use plugin_sdk::prelude::*;

/// One.
#[tool]
fn word_count() {}

/// The same in other words.
#[tool(name = "wordCount")]
fn count_words() {}

/// Long.
#[tool]
fn anameofsixtylettersislongbutnottoolongunlesssomethingcomesfirst() {}

export_tools!(
    prefix = "words_",
    word_count,
    count_words,
    anameofsixtylettersislongbutnottoolongunlesssomethingcomesfirst
);

fn main() {}
