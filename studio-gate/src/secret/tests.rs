//! What is found, what is not, and that nothing hostile makes it slow.

use super::*;

#[test]
fn nothing_yet() {
    assert_eq!(secrets("x.yaml", "a: 1\n"), []);
}
