//! Documents: their commands are typed, and their links are followed.

mod aws_cli;
mod book;
mod client_examples;
mod quick_start;
