//! Tests of accepted and refused uses of the macros.

#[test]
fn the_macros_accept_and_refuse_as_written_in_tests_ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
