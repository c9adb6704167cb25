//! The same failure reads the same from one try to the next, another one does not, and nothing makes it stumble.

use super::*;
use std::time::Instant;

#[test]
fn what_changes_between_tries_reads_the_same() {
    for (one, other) in [
        ("2026-01-15T10:00:00.123Z error: x", "2026-02-01T23:59:59Z error: x"),
        ("E0115 10:00:00.123456   12345 proxy.go:35] no route", "E1231 09:01:02.654321     7 proxy.go:35] no route"),
        ("Jan 15 10:00:00 pve kernel: x", "Feb  1 23:59:59 pve kernel: x"),
        ("dial tcp 10.0.0.7:6443: connect: connection refused", "dial tcp 192.168.1.12:443: connect: connection refused"),
        ("ping fe80::1ff:fe23:4567:890a%2", "ping 2001:db8::1"),
        ("pods \"whoami-7d9f8b6c5d-x2x9z\" not ready", "pods \"whoami-6b7c8d9f44-bcdfg\" not ready"),
        ("daemonset pod cilium-x2x9z failed", "daemonset pod cilium-mnbvc failed"),
        ("volume pvc-550e8400-e29b-41d4-a716-446655440000 is lost", "volume pvc-123e4567-e89b-12d3-a456-426614174000 is lost"),
        ("at commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "at commit 1b2c3d4"),
        ("panic at 0x7ffee4c0", "panic at 0xc000123abc"),
        ("gave up after 1m30s", "gave up after 45s"),
        ("only 10MiB of 3.2GB free, 97%", "only 9.5GiB of 512Mi free, 3%"),
        ("attempt 3/5 (pid 4711)", "attempt 4/5 (pid 12)"),
        ("open /tmp/tmp.Xa8bQ/values.yaml: bad", "open /tmp/helm-77Zz/other: bad"),
        (
            "read /srv/lab/.git/studio/worktrees/20260115-100000-add-node-0a1f/cluster/a.yaml",
            "read /home/x/studio/worktrees/20270301-235959-other-ffff/cluster/a.yaml",
        ),
        ("{\"ts\":1700000000.123,\"msg\":\"no quorum\"}", "{\"ts\":1700000999.5,\"msg\":\"no quorum\"}"),
        ("worker thread-17 died", "worker thread-3 died"),
    ] {
        assert_eq!(plain(one), plain(other));
    }
}

#[test]
fn what_differs_between_failures_reads_otherwise() {
    for (one, other) in [
        ("connection refused", "connection reset"),
        ("deployment whoami not found", "deployment grafana not found"),
        ("open /etc/a/config: denied", "open /etc/b/config: denied"),
        ("unknown flag: --replica", "unknown flag: --image"),
        ("cluster/apps/a.yaml: bad", "cluster/infra/a.yaml: bad"),
        ("release is locked", "release is absent"),
    ] {
        assert_ne!(plain(one), plain(other));
    }
}

#[test]
fn what_a_terminal_obeys_is_no_part_of_a_line() {
    let text =
        "10%\r20%\r\u{1b}[31;1merror:\u{1b}[0m \u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{7} \u{9b}2Kdone\u{202e}\n\n \u{1b}(B\u{1b}[?25h\tnext\n";
    assert_eq!(lines(text), ["10%", "20%", "error: link done", "next"]);
    assert_eq!(lines("\u{1b}]0;never ended\nstill here"), ["still here"]);
    assert_eq!(lines("\u{1b}[12;\u{1b}"), [""; 0]);
}

/// Pieces out of which the lines of the next tests are made: harmless, hostile, half of something.
const PIECES: &[&str] = &[
    "a",
    "f",
    "z",
    "Z",
    "T",
    "0",
    "1",
    "9",
    "42",
    "#",
    "##",
    "-",
    "--",
    "_",
    ".",
    ":",
    "::",
    "/",
    "//",
    "+",
    "%",
    ",",
    " ",
    "  ",
    "\t",
    "(",
    "\"",
    "=",
    "Jan",
    "PM",
    "ms",
    "Mi",
    "0x",
    "dead",
    "beef1",
    "x2x9z",
    "bcdfg",
    "7d9f8b6c5d",
    "/tmp/",
    "/run/user/",
    "20260115-100000-add-node-0a1f",
    "550e8400-e29b-41d4-a716-446655440000",
    "10.0.0.7:443",
    "2026-01-15T10:00:00Z",
    "ä",
    "µ",
    "日",
    "\u{1b}",
    "[",
    "]",
    "\u{7}",
    "\u{9b}",
    "\r",
    "\u{202e}",
    "1m30s",
    "error",
];

fn made_up(lines: usize) -> impl Iterator<Item = String> {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    (0..lines).map(move |_| (0..1 + random(12)).map(|_| PIECES[random(PIECES.len())]).collect())
}

#[test]
fn what_is_plain_stays_as_it_is() {
    for line in made_up(20_000) {
        let once = plain(&line);
        assert_eq!(plain(&once), once, "{line:?}");
    }
}

#[test]
fn other_digits_make_no_difference() {
    for line in made_up(10_000) {
        let plain_line = line.replace(|c: char| c.is_ascii_digit(), "#");
        // Random ends of names hold digits of their own, and a run's folder is known by its form.
        if !["x2x9z", "7d9f", "-e29b-", "0a1f"].iter().any(|end| line.contains(end)) {
            assert_eq!(plain(&line), plain(&plain_line), "{line:?}");
        }
    }
}

#[test]
fn no_text_makes_it_stumble_and_none_takes_long() {
    for line in made_up(5_000) {
        lines(&line).iter().for_each(|line| drop(plain(line)));
    }
    let began = Instant::now();
    for piece in ["1", "-", "a-", "/", ":", "\u{1b}[", "\u{1b}]", " 1", "bcdfg-", "/tmp/", "(", "ä"] {
        lines(&piece.repeat(16 * 1024)).iter().for_each(|line| drop(plain(line)));
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
