//! Documents whose commands are typed.

mod aws_cli;
mod quick_start;
