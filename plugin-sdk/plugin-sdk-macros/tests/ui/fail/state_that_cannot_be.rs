use std::rc::Rc;

use plugin_sdk::prelude::*;

/// Count.
#[tool]
fn count(state: State<u8>) -> u8 {
    *state
}

/// Share.
#[tool]
fn share(state: State<Rc<u8>>) -> u8 {
    **state
}

struct Displayed;

impl std::fmt::Display for Displayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no error")
    }
}

mod of_one_thread {
    fn build() -> std::rc::Rc<u8> {
        std::rc::Rc::new(1)
    }
    plugin_sdk::export_tools!(state = build, super::share);
}

mod with_arguments {
    fn build(start: u8) -> u8 {
        start
    }
    plugin_sdk::export_tools!(state = build, super::count);
}

mod no_error {
    fn build() -> Result<u8, super::Displayed> {
        Err(super::Displayed)
    }
    plugin_sdk::export_tools!(state = build, super::count);
}

mod no_function {
    const BUILD: u8 = 1;
    plugin_sdk::export_tools!(state = BUILD, super::count);
}

mod not_there {
    plugin_sdk::export_tools!(state = build, super::count);
}

fn main() {}
