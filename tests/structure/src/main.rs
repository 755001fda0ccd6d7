//! Prints the measures of the structure of this workspace, or of another checkout of it:
//! `cargo run -p structure [FOLDER]`.

#![expect(clippy::print_stdout, reason = "measures are what it is for")]

use std::path::PathBuf;

use structure::{Crate, ROOTS, repository};

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| repository().to_owned());
    let (mut lines, mut circles) = (0, 0);
    // A crate may be missing in an earlier checkout.
    for root in ROOTS.iter().filter(|root| folder.join(root).is_file()) {
        let summary = Crate::read(&folder.join(root)).summary();
        println!("{root}\n{summary}");
        lines += summary.code_lines;
        circles += summary.circles.len();
    }
    println!("all\n  circles: {circles}\n  lines of code: {lines}");
}
