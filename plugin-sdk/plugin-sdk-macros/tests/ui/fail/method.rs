use plugin_sdk::prelude::*;

struct Counter;

impl Counter {
    /// Count.
    #[tool]
    fn count(&self, step: u8) -> u8 {
        step
    }
}

fn main() {
    Counter.count(1);
}
