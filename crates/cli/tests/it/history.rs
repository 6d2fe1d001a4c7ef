use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

#[test]
fn the_newest_comes_first() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["history", "app/web"]), @"");
    assert_snapshot!(env.run(&["history", "ks/base"]), @"");
    assert_snapshot!(env.run(&["history", "ks/shop"]), @"");
}
