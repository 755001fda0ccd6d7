//! Writes a crash report if a plugin's fault ends the process: one line for the operator that names the tool and the
//! place.
//!
//! A plugin is native code. If it damages the process, this cannot be handled, only reported. On a fatal signal, the
//! handler writes one line. It uses only what is allowed in a signal handler (no locks, no allocation). Then the signal
//! has its usual effect:
//!
//! ```text
//! fatal: SIGSEGV at address 0x0, in libcrashes.so+0x1a2b4 (build id 5f3c...), tool segfault, request 8f0c...
//! ```
//!
//! The offset is an address in the sense of the library's symbol table. The signal may also be raised outside of
//! plugins (`abort` is a function of the C library). The line then contains `called from` with the innermost address of
//! a plugin's code on the stack. If another call of the same plugin was driving an async tool at that moment, the line
//! names that call's tool and request. For a thread that a plugin has started itself, neither tool nor request is
//! known. If such a thread exhausts its stack, no line is written.

#![expect(
    unsafe_code,
    reason = "signal handlers, and what they may read of the process"
)]

use std::{
    cell::Cell,
    ffi::c_void,
    fmt::{self, Write},
    mem,
    ops::Range,
    path::Path,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use libc::{c_int, siginfo_t, ucontext_t};

/// The signals that the system sends to a process with a fatal fault.
const FATAL: [(c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];

/// The maximum length of the line. Unit: bytes. Source: ours; the line is on the signal stack, which has at least 8 KB.
const MAX_LINE: usize = 1024;

/// If an address fault is closer to the stack pointer than this, it counts as a stack overflow. Unit: bytes. Source:
/// ours; guard pages have 4 KB, and larger frames are probed page by page.
const STACK_FAULT: usize = 64 * 1024;

/// The parts of an ELF file that are kept in memory for a crash report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LibraryImage {
    /// The address range of the file's code, relative to the address at which the file is mapped.
    pub(crate) code: Range<u64>,
    /// The build id that the linker has written; empty if there is none.
    pub(crate) build_id: Vec<u8>,
}

/// The call that a thread is executing.
struct RunningCall {
    request_id: *const str,
    tool: *const str,
}

thread_local! {
    static RUNNING: Cell<*const RunningCall> = const { Cell::new(ptr::null()) };
}

/// A plugin's library in memory. This value is never freed, because the library is never closed.
struct LoadedLibrary {
    base: usize,
    image: LibraryImage,
    file: String,
    next: *const LoadedLibrary,
}

static LIBRARIES: AtomicPtr<LoadedLibrary> = AtomicPtr::new(ptr::null_mut());

/// Installs the handler for fatal signals. Ignores SIGXFSZ, which would end a process that writes too large a file.
pub(crate) fn install_handler() {
    for (signal, _) in FATAL {
        // SAFETY: an all-zero sigaction is valid, with an empty mask.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = on_fatal as *const () as usize;
        // The handler runs only once. It runs on the signal stack that std creates for each of its threads.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
        // SAFETY: the handler has the signature that SA_SIGINFO requires, and does only what is async-signal-safe.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
    // A write beyond the limit on file sizes then returns an error instead of ending the process.
    // SAFETY: SIG_IGN is allowed for every signal except SIGKILL and SIGSTOP.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Runs `work`, which executes a plugin's code for a call. The report of a fatal signal during `work` names that call.
pub(crate) fn with_call<T>(request_id: &str, tool: &str, work: impl FnOnce() -> T) -> T {
    /// Restores the previous call, even if `work` panics.
    struct Restore(*const RunningCall);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUNNING.set(self.0);
        }
    }
    let running = RunningCall { request_id, tool };
    let _restore = Restore(RUNNING.replace(&raw const running));
    work()
}

/// Records where a library is mapped. `symbol` is the address of any symbol in the library.
pub(crate) fn register_library(path: &Path, symbol: *const c_void, image: LibraryImage) {
    // SAFETY: an all-zero Dl_info is valid.
    let mut found: libc::Dl_info = unsafe { mem::zeroed() };
    // SAFETY: dladdr accepts any address, and writes only to the struct that it is given.
    if unsafe { libc::dladdr(symbol, &raw mut found) } == 0 {
        return;
    }
    let file = path.file_name().unwrap_or_default();
    let library = Box::into_raw(Box::new(LoadedLibrary {
        base: found.dli_fbase as usize,
        image,
        file: file.to_string_lossy().into_owned(),
        next: ptr::null(),
    }));
    let mut next = LIBRARIES.load(Ordering::Acquire);
    loop {
        // SAFETY: the value was just allocated, and no other code can reach it until the exchange has succeeded.
        unsafe { (*library).next = next };
        match LIBRARIES.compare_exchange_weak(next, library, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(other) => next = other,
        }
    }
}

/// Returns the library whose code contains this address, and the offset of the address in it.
fn library_at(address: usize) -> Option<(&'static LoadedLibrary, usize)> {
    let mut next: *const LoadedLibrary = LIBRARIES.load(Ordering::Acquire);
    // SAFETY: entries are never freed, and they are complete before they can be reached.
    while let Some(library) = unsafe { next.as_ref() } {
        let offset = address.wrapping_sub(library.base);
        if library.image.code.contains(&(offset as u64)) {
            return Some((library, offset));
        }
        next = library.next;
    }
    None
}

extern "C" fn on_fatal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let mut line = CrashLine::default();
    // If the line is too long, it is cut off.
    let _ = describe(&mut line, signal, info, context.cast());
    line.end();
    // SAFETY: the buffer has at least that length, and `write` and `raise` are async-signal-safe. The default action
    // was restored before the handler was called (SA_RESETHAND), and takes effect as soon as this handler returns.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.text.as_ptr().cast(), line.length);
        libc::raise(signal);
    }
}

fn describe(
    line: &mut CrashLine,
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut ucontext_t,
) -> fmt::Result {
    let name = FATAL.iter().find(|(number, _)| *number == signal);
    write!(line, "fatal: {}", name.map_or("a signal", |(_, name)| name))?;
    let (pc, sp) = registers(context);
    // SAFETY: the kernel passes a valid siginfo_t.
    let by_fault = unsafe { (*info).si_code } > 0;
    if by_fault && matches!(signal, libc::SIGSEGV | libc::SIGBUS) {
        // SAFETY: as above, and for these two signals the kernel sets the address if a fault is the cause.
        let address = unsafe { (*info).si_addr() } as usize;
        write!(line, " at address {address:#x}")?;
        if signal == libc::SIGSEGV && address.abs_diff(sp) < STACK_FAULT {
            line.write_str(" (the stack is exhausted)")?;
        }
    }
    let running = RUNNING.get();
    if let Some((library, offset)) = library_at(pc) {
        library.write(line, "in", offset)?;
    } else if let Some((library, offset)) = caller(sp, running as usize) {
        library.write(line, "called from", offset)?;
    } else {
        line.write_str(", in no plugin's code")?;
    }
    // SAFETY: the pointer is set only while the call to which it points exists. That call is further up on the stack of
    // the same thread.
    if let Some(RunningCall { request_id, tool }) = unsafe { running.as_ref() } {
        // SAFETY: as above.
        let (request_id, tool) = unsafe { (&**request_id, &**tool) };
        write!(line, ", tool {tool}, request {request_id}")?;
    }
    Ok(())
}

/// Returns the values that the program counter and the stack pointer had when the signal was raised.
fn registers(context: *mut ucontext_t) -> (usize, usize) {
    // SAFETY: the kernel passes a valid ucontext_t to handlers with SA_SIGINFO.
    let machine = unsafe { &(*context).uc_mcontext };
    #[cfg(target_arch = "x86_64")]
    let (pc, sp) = (
        machine.gregs[libc::REG_RIP as usize] as usize,
        machine.gregs[libc::REG_RSP as usize] as usize,
    );
    #[cfg(target_arch = "aarch64")]
    let (pc, sp) = (machine.pc as usize, machine.sp as usize);
    (pc, sp)
}

/// Returns the innermost address of a plugin's code on the stack. Searches from the stack pointer to the frame that
/// called the plugin.
fn caller(sp: usize, end: usize) -> Option<(&'static LoadedLibrary, usize)> {
    let word = size_of::<usize>();
    let words = end.checked_sub(sp)? / word;
    let start = sp.next_multiple_of(word) as *const usize;
    (0..words.saturating_sub(1)).find_map(|position| {
        // SAFETY: everything between the stack pointer and a frame that still exists is stack, which is mapped and
        // readable.
        library_at(unsafe { start.add(position).read_volatile() })
    })
}

impl LoadedLibrary {
    fn write(&self, line: &mut CrashLine, how: &str, offset: usize) -> fmt::Result {
        write!(line, ", {how} {}+{offset:#x} (build id ", self.file)?;
        if self.image.build_id.is_empty() {
            line.write_str("none")?;
        }
        for byte in &self.image.build_id {
            write!(line, "{byte:02x}")?;
        }
        line.write_char(')')
    }
}

/// A line of limited length.
struct CrashLine {
    text: [u8; MAX_LINE],
    length: usize,
}

impl Default for CrashLine {
    fn default() -> Self {
        Self {
            text: [0; MAX_LINE],
            length: 0,
        }
    }
}

impl CrashLine {
    fn end(&mut self) {
        self.length = self.length.min(MAX_LINE - 1);
        self.text[self.length] = b'\n';
        self.length += 1;
    }
}

impl Write for CrashLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let place = self.text.get_mut(self.length).ok_or(fmt::Error)?;
            *place = byte;
            self.length += 1;
        }
        Ok(())
    }
}
