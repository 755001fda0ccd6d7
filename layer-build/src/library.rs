//! One shared library or program: its ELF file, its platform, and what a plugin declares.

pub(crate) mod debug_info;
pub(crate) mod describe;
pub(crate) mod elf;
pub(crate) mod glibc;
pub(crate) mod platform;
