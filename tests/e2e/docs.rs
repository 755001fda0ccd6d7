//! Documents: their commands are typed, and their links are followed.

mod aws_cli;
mod book;
mod quick_start;
