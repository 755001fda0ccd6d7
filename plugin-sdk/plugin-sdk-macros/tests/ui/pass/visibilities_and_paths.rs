//! Tools of any visibility, in modules, exported by their paths.

use plugin_sdk::prelude::*;

mod text {
    use plugin_sdk::prelude::*;

    /// Count words.
    #[tool]
    pub(crate) fn word_count(text: String) -> usize {
        text.split_whitespace().count()
    }

    pub(crate) mod letters {
        use plugin_sdk::prelude::*;

        /// Count letters.
        #[tool]
        pub(in super::super) fn letter_count(text: String) -> usize {
            text.chars().filter(|c| c.is_alphabetic()).count()
        }
    }

    pub(super) use letters::letter_count as count_of_letters;
}

/// Greet.
#[tool]
pub fn greet(name: String) -> String {
    name
}

/// Wave.
#[tool]
fn wave() {}

use text::count_of_letters;

export_tools!(
    names = "as_written",
    crate::greet,
    self::wave,
    text::word_count,
    count_of_letters,
);

fn main() {
    assert_eq!(text::word_count("a b".to_owned()), 2);
    assert_eq!(count_of_letters("a b".to_owned()), 2);
}
