//! The order in which the linker puts the host's functions still fits the host.

use tests::{
    bootstrap_with_symbols,
    link_order::{self, Coverage},
    repository,
};

#[test]
fn the_host_has_most_functions_of_the_link_order() {
    let script = fs_err::read_to_string(repository().join("host/link-order.ld"));
    let symbols = link_order::symbols(&bootstrap_with_symbols());
    let symbols = symbols.iter().map(String::as_str);
    let coverage = Coverage::measure(&script.expect("the linker script can be read"), symbols);
    println!("{coverage}");
    if let Err(stale) = coverage.check() {
        panic!("{stale}");
    }
}
