use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

#[test]
fn the_newest_comes_first() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["history", "app/web"]), @r"
    ID   REVISION   OUTCOME   AGE    TIMES   TOOK   BY
    1    22222222   Synced    119m           2s
    0    11111111   Synced    179m           5s     admin
    ");
    assert_snapshot!(env.run(&["history", "ks/base"]), @r"
    ID   REVISION        OUTCOME                   AGE   TIMES   TOOK   BY
         main@01234567   ReconciliationSucceeded   10m   12      1.2s
    ");
    assert_snapshot!(env.run(&["history", "ks/shop"]), @r"
    --- standard error
    ks/shop has no history yet
    ");
}
