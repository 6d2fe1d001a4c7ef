use crate::environment::TestEnvironment;
use insta::assert_snapshot;
use tokio_util::sync::CancellationToken;

/// What the command prints when it is told to end at once, without the port that it was given.
fn run(env: &TestEnvironment, more: &[&str]) -> String {
    let stop = CancellationToken::new();
    stop.cancel();
    let arguments = [&["run", "--listen", "127.0.0.1:0", "--storage-addr", "127.0.0.1:0"], more].concat();
    let text = env.run_until(&arguments, &stop).to_string();
    regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap().replace_all(&text, "<address>").into_owned()
}

#[test]
fn it_says_where_it_serves_and_ends_when_told() {
    let env = TestEnvironment::new();
    assert_snapshot!(run(&env, &[]), @r"
    --- standard error
    metrics, health and webhooks on http://<address>
    artifacts on http://<address>
    ");
    // Every definition is there.
    assert_snapshot!(run(&env, &["--install-crds"]), @r"
    --- standard error
    metrics, health and webhooks on http://<address>
    artifacts on http://<address>
    ");
}

#[test]
fn an_address_in_use_is_named() {
    let env = TestEnvironment::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let text = env.run(&["run", "--listen", &address, "--storage-addr", "127.0.0.1:0"]).to_string();
    assert!(text.contains(&format!("error: {address} cannot be listened on: ")), "{text}");
    assert!(text.ends_with("--- status 3\n"), "{text}");
}
