//! The sandbox as its clients see it: requests in; status, body and watch events out.

mod access;
mod crud;
mod kubectl;
mod owners;
mod rules;
mod support;
mod watch;
mod workloads;
