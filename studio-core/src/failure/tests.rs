//! Failures of made-up commands: what they are called, which line is shown, and which are the same.

use super::*;

const KUBECTL: &[&str] = &["kubectl", "apply", "-f", "a.yaml"];

fn argv(words: &[&str]) -> Argv {
    Argv::try_from(words.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

fn failed(words: &[&str], exit: Option<i32>, misses: &[&str], stdout: &str, stderr: &str) -> Failure {
    let misses: Vec<String> = misses.iter().map(ToString::to_string).collect();
    Failure::of(&Failed { argv: &argv(words), expected: 0, exit, misses: &misses, stdout, stderr })
}

fn apply(stderr: &str) -> Failure {
    failed(KUBECTL, Some(1), &["it exited 1, expected 0"], "", stderr)
}

#[test]
fn the_first_line_that_tells_of_it_is_shown_with_the_end() {
    let failure = apply(
        "Warning: resource a is missing an annotation\n0 errors so far\nError from server (NotFound): namespaces \"lab\" not found\nerror: exit 1\nbye",
    );
    assert_eq!((failure.class, failure.confidence, failure.external), (Cause::NotFound, Confidence::High, false));
    assert_eq!(failure.line.as_str(), "Error from server (NotFound): namespaces \"lab\" not found");
    assert!(failure.tail.as_str().ends_with("error: exit 1\nbye"), "{}", failure.tail);
    assert_eq!(failure.to_string(), format!("not-found (high confidence): {}", failure.line));
}

#[test]
fn what_a_program_says_on_its_output_counts_where_its_errors_say_nothing() {
    let ansible = failed(
        &["ansible-playbook", "site.yaml"],
        Some(2),
        &["it exited 2, expected 0"],
        "TASK [ping]\nfatal: [pve]: UNREACHABLE! => {\"msg\": \"ssh: connect to host pve port 22: No route to host\"}\nPLAY RECAP",
        "[WARNING]: no inventory",
    );
    assert_eq!((ansible.class, ansible.external), (Cause::Network, true));
    assert!(ansible.line.as_str().starts_with("fatal: [pve]"), "{}", ansible.line);
}

#[test]
fn words_beside_the_line_that_matters_are_no_sure_ones() {
    let failure = apply("error: step 3 of 7 ended badly\n(earlier error: connection refused)");
    assert_eq!((failure.class, failure.confidence), (Cause::Network, Confidence::Low));
    assert!(!failure.is_understood());
}

#[test]
fn what_nobody_understands_is_unknown_and_not_understood() {
    for failure in [
        apply("Error: exit status 1"),
        apply(""),
        apply("\u{1b}[2J\u{0}\n\n"),
        failed(KUBECTL, None, &["it was killed before it exited"], "", ""),
        failed(KUBECTL, None, &["it was killed, since its run is cancelled"], "", ""),
    ] {
        assert_eq!(failure.class, Cause::Unknown);
        assert!(!failure.is_understood() && !failure.external);
    }
    assert_eq!(apply("").line.as_str(), "it exited 1, expected 0");
    assert_eq!(apply("").tail.as_str(), "(no words)");
}

#[test]
fn the_studios_own_words_are_believed_and_quoted_ones_are_not() {
    let late = failed(KUBECTL, None, &["it was killed before it exited", "it was killed after 60 seconds, its time limit"], "", "error: x");
    assert_eq!((late.class, late.confidence), (Cause::Timeout, Confidence::High));
    let refused = failed(KUBECTL, None, &[&format!("{REFUSED}its policy is another")], "", "");
    assert_eq!((refused.class, refused.is_understood()), (Cause::Refused, true));
    let missed = failed(KUBECTL, Some(0), &["/a is \"it was killed after 60 seconds\", expected 2"], "error: permission denied", "");
    assert_eq!((missed.class, missed.confidence), (Cause::Expectation, Confidence::High));
    let quoted = failed(KUBECTL, Some(1), &["it exited 1, expected 0"], "", "error: it was killed after lunch");
    assert_eq!(quoted.class, Cause::Unknown);
    let posing = failed(KUBECTL, Some(1), &["it exited 1, expected 0", &format!("{REFUSED}x")], "", "error: x");
    assert_eq!(posing.class, Cause::Unknown);
}

#[test]
fn a_failure_is_the_same_from_try_to_try() {
    let one =
        apply("10:00:01 retry 1/5\n10:00:02 retry 2/5\nerror: dial tcp 10.0.0.7:6443: connect: connection refused (pod api-7d9f8b6c5d-x2x9z)\n");
    let other =
        apply("11:30:59 retry 1/5\n\u{1b}[31merror: dial tcp 10.0.0.12:6443: connect: connection refused (pod api-6b7c8d9f44-mnbvc)\u{1b}[0m\r\n");
    assert_eq!(one.identity, other.identity);
    let longer = apply(&format!("{}error: dial tcp 10.0.0.7:1: connect: connection refused (pod api-7d9f8b6c5d-x2x9z)", "progress\n".repeat(9000)));
    assert_eq!(one.identity, longer.identity);
    let missed = |ready: u32| failed(KUBECTL, Some(0), &[&format!("/ready is {ready}, expected 3")], "anything", "").identity;
    assert_eq!(missed(1), missed(2));
}

#[test]
fn another_failure_is_another_one() {
    let of = |words: &[&str], exit: i32, stderr: &str| failed(words, Some(exit), &["it exited"], "", stderr).identity;
    let all = [
        of(KUBECTL, 1, "error: connection refused"),
        of(KUBECTL, 1, "error: connection reset"),
        of(KUBECTL, 2, "error: connection refused"),
        of(&["kubectl", "delete", "-f", "a.yaml"], 1, "error: connection refused"),
        of(&["talosctl", "apply"], 1, "error: connection refused"),
        of(KUBECTL, 1, "error: connection refused\nerror: and more"),
        of(&["bash", "--noprofile", "--norc", "a.sh"], 1, "error: connection refused"),
        of(&["bash", "--noprofile", "--norc", "b.sh"], 1, "error: connection refused"),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn hostile_output_is_bounded_and_visible() {
    let mut seed = 7_u64;
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..200)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                u8::try_from(seed >> 56).unwrap()
            })
            .collect();
        apply(&String::from_utf8_lossy(&bytes));
    }
    let flood = apply(&"error é\u{202e}\u{1b}[1m".repeat(100_000));
    assert!(flood.line.as_str().len() <= 2 * LINE_CHARS + 8 && flood.tail.as_str().len() <= FAILURE_TAIL_BYTES_MAX);
    assert!(!flood.tail.as_str().contains(['\u{202e}', '\u{1b}']));
    let back: Failure = serde_json::from_str(&serde_json::to_string(&flood).unwrap()).unwrap();
    assert_eq!(back, flood);
}
