//! Signatures that count and signatures that do not. Keys are made anew for each test.

use super::*;
use ssh_key::{LineEnding, PrivateKey, rand_core::OsRng};
use studio_core::approval::{Signed, Statement, Word};
use studio_core::step::Op;

const TEXT: &str = "studio approval v1\nword: approve\n";

fn key() -> PrivateKey {
    PrivateKey::random(&mut OsRng, Algorithm::Ed25519).unwrap()
}

fn line(name: &str, key: &PrivateKey) -> String {
    format!("{name} {}\n", key.public_key().to_openssh().unwrap().trim())
}

fn sign(key: &PrivateKey, namespace: &str, hash: HashAlg, text: &str) -> String {
    key.sign(namespace, hash, text.as_bytes()).unwrap().to_pem(LineEnding::LF).unwrap()
}

fn error(list: &str) -> String {
    SshApprovers::parse(list).unwrap_err().to_string()
}

#[test]
fn a_listed_key_over_this_text_counts() {
    let (ada, bob) = (key(), key());
    let list = format!("# who may approve\n\n{}  {} a comment\r\n", line("ada", &ada), line("bob@example.test", &bob).trim());
    let approvers = SshApprovers::parse(&list).unwrap();
    assert_eq!(approvers.names().map(Approver::as_str).collect::<Vec<_>>(), ["ada", "bob@example.test"]);
    for hash in [HashAlg::Sha512, HashAlg::Sha256] {
        assert_eq!(approvers.verify(TEXT, &sign(&ada, NAMESPACE, hash, TEXT)).unwrap().as_str(), "ada");
        assert_eq!(approvers.verify(TEXT, &sign(&bob, NAMESPACE, hash, TEXT)).unwrap().as_str(), "bob@example.test");
    }
}

#[test]
fn anything_else_does_not() {
    let ada = key();
    let approvers = SshApprovers::parse(&line("ada", &ada)).unwrap();
    let good = sign(&ada, NAMESPACE, HashAlg::Sha512, TEXT);
    let flipped = good.replacen("AAAA", "AAAB", 1);
    for (why, text, signature) in [
        ("another namespace", TEXT, sign(&ada, "file", HashAlg::Sha512, TEXT)),
        ("another text", "studio approval v1\nword: deny\n", good.clone()),
        ("a longer text", &format!("{TEXT}\n"), good.clone()),
        ("an unlisted key", TEXT, sign(&key(), NAMESPACE, HashAlg::Sha512, TEXT)),
        ("truncated", TEXT, good[..good.len() / 2].to_string()),
        ("without its last line", TEXT, good.lines().take(3).collect::<Vec<_>>().join("\n")),
        ("changed", TEXT, flipped),
        ("garbage", TEXT, "approved, signed ada".into()),
        ("empty", TEXT, String::new()),
        ("too long", TEXT, format!("{good}{}", "\n".repeat(SIGNATURE_BYTES_MAX))),
        ("two of them", TEXT, format!("{good}{good}")),
    ] {
        assert!(approvers.verify(text, &signature).is_err(), "{why}");
    }
    assert!(SshApprovers::default().verify(TEXT, &good).is_err());
    let other = approvers.verify(TEXT, &sign(&ada, "file", HashAlg::Sha512, TEXT)).unwrap_err();
    assert!(other.to_string().contains("\"file\""), "{other}");
}

#[test]
fn nobody_signs_in_another_name() {
    let (ada, bob) = (key(), key());
    let approvers = SshApprovers::parse(&(line("ada", &ada) + &line("bob", &bob))).unwrap();
    let op = Op { run: "20261122-101112-add-node-0a1f".try_into().unwrap(), step: studio_core::step::StepNo(1), attempt: 1 };
    let (at, expires) = ("2026-11-22T10:00:00Z".parse().unwrap(), "2026-11-23T10:00:00Z".parse().unwrap());
    let statement = Statement { word: Word::Approve, op, effect: crate::sha256(b"x"), by: "ada".try_into().unwrap(), at, expires, reason: None };
    let signed =
        |key: &PrivateKey| Signed { v: 1, signature: sign(key, NAMESPACE, HashAlg::Sha512, &statement.text()), statement: statement.clone() };
    assert_eq!(signed(&ada).believe(&approvers, at).unwrap(), statement);
    assert!(signed(&bob).believe(&approvers, at).unwrap_err().to_string().contains("names ada but bob signed it"));
    assert!(signed(&ada).believe(&approvers, expires).is_err());
    let later = Signed { statement: Statement { effect: crate::sha256(b"y"), ..statement.clone() }, ..signed(&ada) };
    assert!(later.believe(&approvers, at).is_err());
}

#[test]
fn a_bad_list_names_its_line() {
    let (ada, bob) = (key(), key());
    let first = line("ada", &ada);
    let options = first.replace("ada ", "ada namespaces=\"x\" ");
    for bad in [
        "ada",
        "ada ssh-ed25519",
        "ada ssh-rsa AAAA",
        "ada ssh-ed25519 !!!",
        "ada ssh-ed25519 AAAA",
        "ada ecdsa-sha2-nistp256 AAAA",
        &line("a*", &bob),
        &line("ada,bob", &bob),
        &line("ád", &bob),
        &options,
    ] {
        let error = error(&format!("# list\n\n{bad}\n"));
        assert!(error.contains(":3: "), "{bad}: {error}");
    }
    assert!(error(&(first.clone() + &line("Ada", &bob))).contains(":2: the name Ada"));
    assert!(error(&(first.clone() + &line("eve", &ada))).contains(":2: the key of eve"));
    assert!(error(&"#".repeat(LIST_BYTES_MAX + 1)).contains("at most"));
    let many: String = (0..=LIST_MAX).map(|at| line(&format!("a{at}"), &key())).collect();
    assert!(error(&many).contains(&format!(":{}: ", LIST_MAX + 1)));
    assert_eq!(SshApprovers::parse("").unwrap().names().count(), 0);
}

/// A public key whose text says another kind than its bytes.
#[test]
fn a_key_is_what_its_bytes_say() {
    let rsa = "ada ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=";
    assert!(error(rsa).contains(":1: "));
}
