//! The contract between the host and a plugin: one function, bytes in, bytes out.
//!
//! A plugin is a `cdylib` that exports one abi_stable root module, [`Plugin`], with the only field [`Plugin::invoke`].
//! The host calls it with an operation number ([`op`]), a target (a tool's name) and a body. The plugin calls back
//! through the [`Host`] that it received ([`host_op`]). `PAYLOADS.md` defines the bytes. It has a version of its own
//! ([`PAYLOAD_VERSION`]), on which both sides agree at [`op::INIT`].
//!
//! # Why one function
//!
//! abi_stable refuses a plugin if its root module has fewer fields than the host's. Every field added here would make all
//! older plugins unloadable. So there is one function, and everything that may grow travels as JSON.
//!
//! # Rules
//!
//! Comments elsewhere refer to these rules by number.
//!
//! 1. A library is never closed. Whatever was read from it stays valid until the process ends.
//! 2. Who allocates frees: an [`RVec`] remembers the allocator of the side that made it.
//! 3. No panic crosses: both sides catch at every crossing. A plugin must therefore be built with `panic = "unwind"`.
//! 4. [`Plugin::invoke`] may be called from several threads at once.
//! 5. Borrowed arguments ([`RStr`], [`RSlice`]) are valid until the call returns, not longer.
//! 6. [`Host::request`] may be called from any thread and at any time, also after the call it was handed to has ended;
//!    the host then answers with the error `call_ended`.

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RResult, RSlice, RStr, RVec},
};

pub use abi_stable;

/// The version of the payload document (`PAYLOADS.md`) that this crate was published with.
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
    /// An operation that the plugin does not know is answered by an error of kind `unknown_op`.
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

/// The host's side of one call, handed to the plugin by value.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug)]
pub struct Host {
    /// The number of the call. 0 is the process: logs outside of calls, and [`op::INIT`].
    pub call: u64,
    /// The deadline of the call. Unit: milliseconds since the Unix epoch; 0 means that the call has no limit.
    pub deadline_unix_ms: u64,
    /// Requests `op` (see [`host_op`]) from the host for `call`. Valid for the whole process (rule 6).
    ///
    /// An operation that the host does not know is answered by an error of kind `unknown_op`.
    pub request: extern "C" fn(call: u64, op: u32, payload: RSlice<'_, u8>) -> Answer,
}

/// The layout of everything that crosses, as both sides have it. Unit: bytes.
///
/// Each number is frozen: with another one, a host refuses or misreads every plugin that was built before.
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
    /// The operation that receives the host's facts and returns the plugin's declaration. It comes once, before any
    /// other operation.
    pub const INIT: u32 = 0;
    /// The operation that calls the tool `target`; the body is the JSON object of its arguments.
    pub const CALL: u32 = 1;
    /// The operation that cancels the call with the number in the body. It arrives on another thread than the call.
    pub const CANCEL: u32 = 2;
    /// The operation that builds the state that calls would otherwise have to wait for.
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
    /// The operation that asks the client for input (elicitation, sampling, roots).
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
