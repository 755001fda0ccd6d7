//! Tells AWS's SDKs, in whatever plugin, which trace their requests belong to: AWS recognises by it functions that invoke
//! themselves without end.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", `_X_AMZN_TRACE_ID`; it is each runtime's to set.

use http::HeaderValue;

const NAME: &str = "_X_AMZN_TRACE_ID";

/// Set the variable, as every runtime does between two invocations.
#[expect(
    unsafe_code,
    reason = "there is no other place where AWS's SDKs look for it"
)]
pub(super) fn tell(trace: Option<&HeaderValue>) {
    let trace = trace.and_then(|trace| trace.to_str().ok());
    // SAFETY: it must not be set while another thread reads the environment by other means than Rust's own, which lock it. This
    // comes between two invocations, when no call is at work. A tool whose call was given up may be, but for as long as it takes
    // to end the process; so may a thread that a plugin keeps, which has to live with it under every other runtime, too.
    unsafe {
        match trace {
            Some(trace) => std::env::set_var(NAME, trace),
            None => std::env::remove_var(NAME),
        }
    }
}
