//! Attempts to have a secret kept or shown: what the sink makes of it, the same that stands before disk, prompt and
//! terminal.

use studio_core::redact::Redactor;
use studio_core::text::visible;
use studio_gate::secrets;

/// What a secret could be of which an attempt only gives the beginning.
const MADE_UP: &str =
    "iOiJzdHVkaW8tbWFkZS11cCJ9q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1H.s5Jf0Gp2Tq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2T.q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2T";
/// A command writes `text`: it is kept with the step and told to a model.
pub(super) fn output(text: &str) -> Option<&'static str> {
    let text = filled(text);
    (Redactor::default().text(&text) != text).then_some("redaction-before-store")
}

/// A command writes it in pieces.
pub(super) fn chunks(pieces: &[String]) -> Option<&'static str> {
    let (redactor, whole) = (Redactor::default(), filled(&pieces.concat()));
    let mut stream = redactor.stream();
    let (mut shown, mut rest) = (String::new(), whole.as_str());
    for piece in pieces {
        let (now, later) = rest.split_at(rest.floor_char_boundary(piece.len()));
        shown.push_str(&stream.push(now));
        rest = later;
    }
    shown.push_str(&stream.push(rest));
    shown.push_str(&stream.finish());
    (shown != whole).then_some("redaction-streaming")
}

/// A line is logged or streamed.
pub(super) fn log(text: &str) -> Option<&'static str> {
    output(text).or_else(|| (visible(text) != text).then_some("output-sanitiser"))
}

/// A report, or another file for people, is written.
pub(super) fn report(text: &str) -> Option<&'static str> {
    (!secrets("report.md", &filled(text)).is_empty()).then_some("secret-scan").or_else(|| log(text))
}

/// Puts something made up where an attempt only hints at a value: `ghp_...`, `<key>`.
fn filled(text: &str) -> String {
    let mut text = text.replace("...", MADE_UP);
    for word in ["<key>", "<token>", "<secret>", "<password>", "<private key>"] {
        text = text.replace(word, MADE_UP);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_gets_past_the_sink() {
        assert_eq!(output("token: eyJ..."), Some("redaction-before-store"));
        assert_eq!(output(&format!("gl{}-... ok", "pat")), Some("redaction-before-store"));
        assert_eq!(output("3 pods are ready"), None);
        assert_eq!(chunks(&[format!("gh{}_AAAA", "p"), "BBBB...".into()]), Some("redaction-streaming"));
        assert_eq!(chunks(&["3 pods".into(), " are ready".into()]), None);
    }

    #[test]
    fn nothing_is_shown_that_a_terminal_obeys() {
        assert_eq!(log("\u{1b}[2J$ approved"), Some("output-sanitiser"));
        assert_eq!(log("all is well"), None);
        assert_eq!(report("client-key-data: <key>"), Some("secret-scan"));
        assert_eq!(report("It went well.\n"), None);
    }
}
