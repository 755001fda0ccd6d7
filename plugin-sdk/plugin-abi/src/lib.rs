//! The interface (ABI) between the host and a plugin: one function, which takes bytes and returns bytes.
//!
//! A plugin is a `cdylib` that exports one abi_stable root module, [`Plugin`], whose only field is [`Plugin::invoke`].
//! The host calls it with an operation number ([`op`]), a target (a tool's name) and a body. The plugin calls back
//! through the [`Host`] that it received ([`host_op`]). `PAYLOADS.md` defines the content of the bytes. That document
//! has its own version number ([`PAYLOAD_VERSION`]), on which both sides agree at [`op::INIT`].
//!
//! # Why one function
//!
//! abi_stable refuses to load a plugin whose root module has fewer fields than the host expects. So if a field were
//! added here, the host could no longer load any older plugin. So there is only one function, and everything that may
//! be extended later is JSON.
//!
//! # Rules
//!
//! Comments elsewhere refer to these rules by number.
//!
//! 1. A library is never closed. Everything that was read from it stays valid until the process ends.
//! 2. The side that allocates memory also frees it: an [`RVec`] remembers the allocator of the side that made it.
//! 3. No panic crosses the boundary: both sides catch panics in every function that the other side calls. A plugin must
//!    therefore be built with `panic = "unwind"`.
//! 4. [`Plugin::invoke`] may be called from several threads at the same time.
//! 5. Borrowed arguments ([`RStr`], [`RSlice`]) are valid only until the function returns.
//! 6. [`Host::request`] may be called from any thread and at any time, even after the call that received the [`Host`]
//!    has ended; then the host answers with the error `call_ended`.

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RResult, RSlice, RStr, RVec},
};

pub use abi_stable;

/// The version of `PAYLOADS.md` that belongs to this version of the crate.
pub const PAYLOAD_VERSION: u32 = 1;

/// The dynamic symbol under which a plugin exports its root module.
///
/// Source: `abi_stable::library::ROOT_MODULE_LOADER_NAME`; a test compares both.
pub const ROOT_SYMBOL: &str = "_1as_0lib_1header_0root_bmodule_bloader";

/// Bytes that cross the boundary, owned by the side that made them.
pub type Bytes = RVec<u8>;

/// An answer across the boundary: a payload, or an error payload.
pub type Answer = RResult<Bytes, Bytes>;

/// The root module of a plugin.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRef)))]
#[sabi(missing_field(panic))]
pub struct Plugin {
    /// Performs the operation `op` (see [`mod@op`]) on `target` with `body`.
    ///
    /// For an operation that it does not know, the plugin returns an error of the kind `unknown_op`.
    #[sabi(last_prefix_field)]
    pub invoke:
        extern "C" fn(op: u32, target: RStr<'_>, body: RSlice<'_, u8>, host: Host) -> Answer,
}

impl RootModule for PluginRef {
    abi_stable::declare_root_module_statics! {PluginRef}
    const BASE_NAME: &'static str = "plugin";
    const NAME: &'static str = "plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// The host interface of one call, passed to the plugin by value.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Host {
    /// The number of the call. 0 stands for the process: [`op::INIT`], and log lines that belong to no call.
    pub call: u64,
    /// The deadline of the call. Unit: milliseconds since the Unix epoch; 0 means that the call has no limit.
    pub deadline_unix_ms: u64,
    /// Requests the operation `op` (see [`host_op`]) from the host, for `call`. It may be used until the process ends
    /// (rule 6).
    ///
    /// For an operation that it does not know, the host returns an error of the kind `unknown_op`.
    pub request: extern "C" fn(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer,
}

/// Checks the memory layout of all types that cross the boundary. Unit: bytes.
///
/// These numbers must never change: otherwise a host would reject or misread every plugin that was built before.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;

    const fn has_layout<T>(size: usize, align: usize) {
        assert!(size_of::<T>() == size && align_of::<T>() == align);
    }

    has_layout::<Plugin>(8, 8);
    assert!(offset_of!(Plugin, invoke) == 0);
    has_layout::<PluginRef>(8, 8);

    has_layout::<Host>(24, 8);
    assert!(offset_of!(Host, call) == 0);
    assert!(offset_of!(Host, deadline_unix_ms) == 8);
    assert!(offset_of!(Host, request) == 16);

    has_layout::<RStr<'_>>(16, 8);
    has_layout::<RSlice<'_, u8>>(16, 8);
    has_layout::<Bytes>(32, 8);
    has_layout::<Answer>(40, 8);
};

/// Operations that the host requests from a plugin.
pub mod op {
    /// The operation that receives facts about the host and returns the plugin's declaration. It is requested once,
    /// before any other operation.
    pub const INIT: u32 = 0;
    /// The operation that calls the tool `target`; the body is the JSON object of its arguments.
    pub const CALL: u32 = 1;
    /// The operation that cancels the call with the number in the body. It arrives on another thread than the call.
    pub const CANCEL: u32 = 2;
    /// The operation that builds the plugin's shared state in advance, so that calls need not wait for it.
    pub const PREPARE: u32 = 3;
}

/// Operations that a plugin requests from the host.
pub mod host_op {
    /// The operation that returns facts about the request of a call.
    pub const CONTEXT: u32 = 0;
    /// The operation that writes a line to the operator's log.
    pub const LOG: u32 = 1;
    /// The operation that sends progress of a call to the client.
    pub const PROGRESS: u32 = 2;
    /// The operation that returns whether the call was cancelled or timed out.
    pub const CANCELLED: u32 = 3;
    /// The operation that sends a log message to the client.
    pub const MESSAGE: u32 = 4;
    /// The operation that reads, writes or deletes stored state.
    pub const STATE: u32 = 5;
    /// The operation that sends input requests to the client (elicitation, sampling, roots).
    pub const INPUT: u32 = 6;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_symbol_is_the_one_abi_stable_looks_for() {
        assert_eq!(ROOT_SYMBOL, abi_stable::library::ROOT_MODULE_LOADER_NAME);
    }

    /// The names that abi_stable compares when a plugin is opened. They are frozen: to change one makes every plugin that was
    /// built before unloadable.
    #[test]
    fn the_names_of_types_fields_and_package_are_frozen() {
        use abi_stable::prefix_type::PrefixTypeTrait;

        let plugin = <Plugin as PrefixTypeTrait>::PT_LAYOUT;
        let host = <Host as StableAbi>::LAYOUT;
        let fields = host
            .get_fields()
            .into_iter()
            .flat_map(|fields| fields.iter());
        for (layout, fields, expected) in [
            (
                plugin.mono_layout,
                plugin.get_field_names_vec(),
                r#"plugin-abi::Plugin ["invoke"]"#,
            ),
            (
                host.mono_type_layout(),
                fields.map(|field| field.name()).collect(),
                r#"plugin-abi::Host ["call", "deadline_unix_ms", "request"]"#,
            ),
        ] {
            let package = layout.item_info().package();
            let described = format!("{package}::{} {fields:?}", layout.name());
            assert_eq!(described, expected);
        }
        assert_eq!(<PluginRef as RootModule>::BASE_NAME, "plugin");
        assert_eq!(<PluginRef as RootModule>::NAME, "plugin");
    }

    #[test]
    fn the_version_is_1_0_0_as_every_plugin_expects() {
        assert_eq!(env!("CARGO_PKG_VERSION"), "1.0.0");
    }
}
