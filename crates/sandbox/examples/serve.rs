//! Serves a sandbox to try by hand: `cargo run -p holdfast-sandbox --example serve -- 127.0.0.1:8080 kubeconfig`.
#![allow(clippy::print_stdout, reason = "an example speaks to its user")]

use holdfast_sandbox::{Options, Sandbox};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let addr = addr.parse().map_err(std::io::Error::other)?;
    let sandbox = Sandbox::start(Options::default());
    let listening = sandbox.listen(addr).await?;
    let kubeconfig = sandbox.kubeconfig(listening.addr);
    match arguments.next() {
        Some(path) => std::fs::write(path, kubeconfig)?,
        None => println!("{kubeconfig}"),
    }
    println!("simulated Kubernetes API on http://{}", listening.addr);
    tokio::signal::ctrl_c().await
}
