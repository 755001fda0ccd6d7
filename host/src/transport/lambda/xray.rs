//! Passes the trace of an invocation to the AWS SDKs that plugins may use. By the trace, AWS recognizes functions that
//! invoke themselves in an endless loop.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", `_X_AMZN_TRACE_ID`. Every runtime has to set
//! this environment variable.

#![expect(
    unsafe_code,
    reason = "there is no other place where AWS's SDKs look for it"
)]

use std::sync::{Mutex, PoisonError};

use http::HeaderValue;

const NAME: &str = "_X_AMZN_TRACE_ID";

/// The maximum length of the environment variable with its name. Unit: bytes. Source: ours; X-Ray's traces need a third
/// of it.
const MAX_LENGTH: usize = 512;

/// The two buffers that hold the environment variable alternately. With `setenv`, the C library would keep the memory
/// of every former value (glibc's manual, "Environment Access"), which is a megabyte after ten thousand invocations.
static BUFFERS: Mutex<Option<[&'static mut [u8; MAX_LENGTH]; 2]>> = Mutex::new(None);

/// Sets or removes the environment variable, as every runtime does between two invocations.
pub(super) fn set_trace_env(trace: Option<&HeaderValue>) {
    let trace = trace.and_then(|trace| trace.to_str().ok());
    let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    let buffers =
        buffers.get_or_insert_with(|| [(); 2].map(|()| Box::leak(Box::new([0; MAX_LENGTH]))));
    let is_short = |trace: &&str| NAME.len() + trace.len() + 2 <= MAX_LENGTH && !trace.is_empty();
    let Some(trace) = trace.filter(is_short) else {
        // SAFETY: the environment must not be changed while another thread reads it. This function runs between two
        // invocations, when no call is running. A tool may still be running after its call timed out, but only until
        // the process ends. A thread that a plugin keeps may also be running. Such a thread has to cope with this under
        // every other runtime as well.
        unsafe { std::env::remove_var(NAME) };
        return;
    };
    // The buffer with the former value is not changed, because a thread may still read it.
    buffers.swap(0, 1);
    let buffer = &mut *buffers[0];
    buffer.fill(0);
    for (byte, written) in buffer.iter_mut().zip(format!("{NAME}={trace}").bytes()) {
        *byte = written;
    }
    // SAFETY: the buffer lives as long as the process, and its text ends with a zero. It is written again only after
    // the other buffer was in use for a whole invocation. The other threads that may be running are the same as above.
    // If the variable exists already, only one pointer changes.
    let set = unsafe { libc::putenv(buffer.as_mut_ptr().cast()) };
    if set != 0 {
        tracing::warn!("the trace of an invocation cannot be passed to AWS's SDKs: out of memory");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invocation_sets_its_own_trace_without_more_memory() {
        let value = |text: &str| HeaderValue::from_str(text).expect("a value");
        let mut buffers = std::collections::BTreeSet::new();
        for number in 0..100 {
            let trace = format!("Root=1-{number:08x}-a;Sampled=0");
            set_trace_env(Some(&value(&trace)));
            assert_eq!(std::env::var(NAME).as_deref(), Ok(trace.as_str()));
            // SAFETY: no other test sets this variable; its value is only looked for, not read.
            buffers.insert(unsafe { libc::getenv(c"_X_AMZN_TRACE_ID".as_ptr()) } as usize);
        }
        assert_eq!(buffers.len(), 2);
        for none in [None, Some(value(&"x".repeat(MAX_LENGTH)))] {
            set_trace_env(none.as_ref());
            assert!(std::env::var_os(NAME).is_none());
        }
    }
}
