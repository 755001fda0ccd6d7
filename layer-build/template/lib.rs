//! My own tools.

use plugin_sdk::prelude::*;

/// Count the words of a text.
///
/// # Arguments
/// * `text` - The text.
/// * `longer_than` - Count only words of more letters than this.
#[tool(read_only)]
pub fn count_words(text: String, longer_than: Option<usize>) -> usize {
    let longer_than = longer_than.unwrap_or(0);
    text.split_whitespace()
        .filter(|word| word.chars().count() > longer_than)
        .count()
}

export_tools!(count_words);

#[cfg(test)]
mod tests {
    use plugin_sdk::{serde_json::json, testing::plugin};

    #[test]
    fn long_words_are_counted() {
        let count_words = plugin().tool("countWords");
        let outcome = count_words.call(json!({ "text": "a long word", "longer_than": 1 }));
        assert_eq!(outcome.text(), "2");
    }
}
