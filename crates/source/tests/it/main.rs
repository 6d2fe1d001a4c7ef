//! Whole conversations: repositories made by `git`, read through every transport.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic)]

mod archives;
mod fixture;
mod folder;
mod git_http;
mod git_local;
mod git_ssh;
mod git_sshd;
mod git_store;
mod helm_repository;
mod needs;
mod oci;
mod signatures;
mod web;
