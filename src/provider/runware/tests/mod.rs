//! Tests against replies from files and against servers that misbehave by script.

mod images;
mod network;
mod replies;
mod requests;
mod secrets;
mod server;
mod support;
mod tls;
