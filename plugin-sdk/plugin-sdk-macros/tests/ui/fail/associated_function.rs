use plugin_sdk::prelude::*;

struct Counter {
    count: u8,
}

impl Counter {
    /// Make one.
    #[tool]
    fn make(count: u8) -> Self {
        Self { count }
    }

    /// Count one.
    #[tool]
    fn count(counter: Box<Self>) -> u8 {
        counter.count
    }
}

impl Counter {
    /// Of this one, only the compiler knows where it stands.
    #[tool]
    fn answer() -> u8 {
        42
    }
}

fn main() {
    Counter::make(1);
}
