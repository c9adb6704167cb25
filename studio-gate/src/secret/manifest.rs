//! What the structure of a manifest or a settings file says: Secrets, places of keys, names of values.

use super::key::Named;
use super::tree::{Document, Node, Style, Value};
use super::value::{placeholder, unset, wordy};
use super::{DEPTH_MAX, ENCRYPT, Found, KEEP_OUT, file, line, place, sops};
use studio_core::encoding::unbase64;
use studio_core::token;

/// Kinds in which names and fields only speak of secrets.
const SPEAKS: [&str; 10] = [
    "CustomResourceDefinition",
    "ExternalSecret",
    "ClusterExternalSecret",
    "PushSecret",
    "SecretStore",
    "ClusterSecretStore",
    "SecretProviderClass",
    "VaultStaticSecret",
    "OnePasswordItem",
    "SealedSecret",
];
/// Fields that hold ciphertext, or describe others.
const PASSED: [&str; 4] = ["encryptedData", "sops", "openAPIV3Schema", "remoteRef"];
/// Ends of names in a Secret under which nothing secret stands.
const PUBLIC: &str = "username user host hostname port url uri name region bucket endpoint email domain type project server issuer crt cert ca pub tz database db mode \
    address realm insecure enabled enableoci version zone namespace clientid accountid keyid";

/// Looks at a document.
pub(super) fn look(name: &str, document: &Document, depth: u32, found: &mut Found) {
    found.within(document.line, false, |found| match &document.root {
        None => broken(&document.text, found),
        Some(root) => {
            sops::look(name, root, found);
            Walk { path: Vec::new(), depth, found }.node(root, true);
        }
    });
}

struct Walk<'f> {
    path: Vec<String>,
    depth: u32,
    found: &'f mut Found,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, named: bool) {
        match &node.value {
            Value::Elsewhere => {}
            Value::Text(text, style) => self.text(node.line, text, *style, named),
            Value::List(items) => {
                let key = self.path.last().map(String::as_str).unwrap_or_default();
                if matches!(key, "network_key" | "psk")
                    && items.len() >= 16
                    && items.iter().all(|item| item.text().is_some_and(|text| text.parse::<u8>().is_ok()))
                {
                    self.found.add(node.line, "known-place", "the key of a radio network", KEEP_OUT);
                }
                self.path.push("[]".into());
                items.iter().for_each(|item| self.node(item, named));
                self.path.pop();
            }
            Value::Map(_) => self.map(node, named),
        }
    }

    fn map(&mut self, node: &Node, named: bool) {
        let kind = node.field("kind").and_then(Node::text).map(str::trim).unwrap_or_default();
        let items = node.field("items").filter(|_| kind == "SecretList");
        if kind == "Secret" || (self.path.last().is_some_and(|at| at == "secretTemplate")) {
            self.secret(node);
        }
        if let Some(Node { value: Value::List(items), .. }) = items {
            items.iter().for_each(|item| self.secret(item));
        }
        let named = named && !SPEAKS.contains(&kind);
        for (name, value) in [("name", "value"), ("key", "value"), ("path", "value"), ("Name", "Value")] {
            let pair = node.field(name).and_then(Node::text).zip(node.field(value));
            if let Some((name, value)) = pair.filter(|_| named)
                && value.text().is_some_and(|value| Named::of(name).is_some_and(|promise| promise.holds(value)))
            {
                self.found.add(value.line, "named-value", "a value that its name calls a secret", ENCRYPT);
            }
        }
        if node.field("type").and_then(Node::text) == Some("random_password")
            && let Some(Node { value: Value::List(instances), .. }) = node.field("instances")
        {
            let results = instances.iter().filter_map(|instance| instance.field("attributes")?.field("result"));
            results.for_each(|value| self.found.add(value.line, "known-place", "a generated password in Terraform's state", KEEP_OUT));
        }
        if let Some(value) = node.field("d").filter(|value| node.field("kty").is_some() && value.text().is_some_and(|text| text.len() > 20)) {
            self.found.add(value.line, "private-key", "a private key (JWK)", KEEP_OUT);
        }
        for (key, value) in node.fields().filter(|(key, _)| !PASSED.contains(key)) {
            self.path.push(key.to_ascii_lowercase());
            self.node(value, named);
            self.path.pop();
        }
    }

    /// Looks at the data of a Secret.
    fn secret(&mut self, node: &Node) {
        for (field, coded) in [("data", true), ("stringData", false)] {
            let values = node.field(field).into_iter().flat_map(Node::fields);
            for (key, value) in values {
                let Some(text) = value.text().map(str::trim) else { continue };
                let plain = unbase64(text).filter(|_| coded).and_then(|bytes| String::from_utf8(bytes).ok());
                let place = placeholder(text) || plain.as_deref().is_some_and(placeholder);
                // Where the value is an address, a login in it is found by itself.
                if !place && (!public(key) || token_like(plain.as_deref().unwrap_or(text))) {
                    self.found.add(value.line, "kubernetes-secret", "a value of a Secret in plaintext, base64 or not", ENCRYPT);
                }
            }
        }
    }

    fn text(&mut self, line: u32, text: &str, style: Style, named: bool) {
        let key = self.path.iter().rev().find(|key| *key != "[]").cloned().unwrap_or_default();
        let spoken = wordy(text) && !self.path.iter().any(|at| at == "users") && matches!(key.as_str(), "key" | "token" | "secret" | "auth");
        if let Some(what) = place::known(&self.path).filter(|_| named && !spoken && !placeholder(text) && !unset(text) && !locked(text)) {
            self.found.add(line, "known-place", what, ENCRYPT);
        }
        if key == "list" && self.path.iter().any(|at| at == "chpasswd") {
            file::logins(text, line + u32::from(style == Style::Block), style == Style::Block, self.found);
        }
        if named && style != Style::Block && Named::of(&key).is_some_and(|promise| promise.holds(text)) {
            self.found.add(line, "named-value", "a value that its name calls a secret", ENCRYPT);
        }
        if style == Style::Block && named && Named::of(&key).is_some_and(|promise| promise.holds(text.trim())) {
            self.found.add(line + 1, "named-value", "a value that its name calls a secret", ENCRYPT);
        }
        if style == Style::Folded
            && let Some(token) = token::tokens(text).first()
        {
            self.found.add(line, "token", token.what, KEEP_OUT);
        }
        if !named {
            return;
        }
        if text.contains('\n') && self.depth < DEPTH_MAX {
            let block = style == Style::Block;
            self.found.within(line + u32::from(block), !block, |found| super::look(&key, text, self.depth + 1, found));
        } else {
            self.found.within(line, true, |found| line::one(text, file::Kind::Settings, found));
        }
    }
}

/// Looks at a document that is no YAML but says that it is a Secret: line by line.
fn broken(text: &str, found: &mut Found) {
    let bare = |line: &str| line.trim().replace(['"', '\'', ' '], "");
    if !text.lines().any(|line| bare(line).trim_start_matches('-').starts_with("kind:Secret") && bare(line).ends_with("Secret")) {
        return;
    }
    let mut inside = None;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let indent = line.len() - line.trim_start().len();
        if line.trim().is_empty() {
            continue;
        }
        if matches!(bare(line).as_str(), "data:" | "stringData:") {
            inside = Some(indent);
        } else if inside.is_some_and(|outer| indent <= outer) {
            inside = None;
        } else if let Some((key, value)) = line.split_once(':').filter(|_| inside.is_some())
            && !placeholder(value)
            && !public(key)
        {
            found.add(number, "kubernetes-secret", "a value of a Secret in plaintext, base64 or not", ENCRYPT);
        }
    }
}

/// Says whether nothing secret stands under such a name.
fn public(key: &str) -> bool {
    let name: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    PUBLIC.split(' ').any(|end| name.ends_with(end)) && Named::of(key).is_none()
}

fn token_like(text: &str) -> bool {
    !token::tokens(text).is_empty()
}

/// Says whether an account is locked, or is given a random password.
fn locked(text: &str) -> bool {
    matches!(text.trim(), "*" | "!" | "!!" | "*LK*" | "R" | "RANDOM" | "x")
}
