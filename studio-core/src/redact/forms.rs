//! The spellings in which a known value may come out again.

use super::Secret;
use crate::encoding::{base64, hex, percent};
use crate::limits::{SECRET_BYTES_MIN, SECRET_LINE_BYTES_MIN};
use std::collections::BTreeSet;

/// Widths at which programs break base64.
const WIDTHS: [usize; 2] = [64, 76];

/// Returns the spellings of a value: of the whole, and of each line that is long enough to mean something.
pub(super) fn of(value: &Secret) -> Vec<Secret> {
    let whole = value.expose();
    let mut forms = BTreeSet::from_iter(spellings(whole));
    let lines = whole.lines().map(str::trim).filter(|line| line.len() >= SECRET_LINE_BYTES_MIN && *line != whole && !line.starts_with("-----"));
    forms.extend(lines.flat_map(spellings));
    forms.into_iter().filter(|form| form.len() >= SECRET_BYTES_MIN).map(Secret::new).collect()
}

fn spellings(text: &str) -> Vec<String> {
    let json = serde_json::Value::from(text).to_string();
    let escaped = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_string();
    let safe = ['<', '>', '&', '\''].iter().fold(escaped.clone(), |text, c| text.replace(*c, &format!("\\u{:04x}", u32::from(*c))));
    let percent = percent(text);
    let hex = hex(text.as_bytes());
    let mut forms = vec![text.to_string(), escaped.replace('/', "\\/"), escaped, safe];
    forms.extend([percent.replace("%20", "+"), percent.to_lowercase(), percent, hex.to_uppercase(), hex]);
    for shift in 0..3 {
        let form = shifted(text.as_bytes(), shift);
        forms.extend([form.replace('+', "-").replace('/', "_"), form]);
    }
    let broken = base64(text.as_bytes());
    for width in WIDTHS.into_iter().filter(|width| broken.len() > *width) {
        let chunks = broken.as_bytes().chunks(width).filter(|line| line.len() >= SECRET_LINE_BYTES_MIN);
        forms.extend(chunks.map(|line| String::from_utf8_lossy(line).into_owned()));
    }
    forms
}

/// Returns those letters of base64 that spell only `bytes`, where `shift` bytes stand before them and any behind.
fn shifted(bytes: &[u8], shift: usize) -> String {
    let mut text = base64(&[vec![0; shift], bytes.to_vec()].concat());
    if !(shift + bytes.len()).is_multiple_of(3) {
        text.pop();
    }
    text.split_off([0, 2, 3].get(shift).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::Redactor;
    use super::*;

    #[test]
    fn a_value_is_known_in_every_spelling() {
        let value = "pa/ss \"wörd\"<&>";
        let redactor = Redactor::new([Secret::new(value)]);
        let json = serde_json::Value::from(value).to_string();
        for text in [
            value.to_string(),
            json.clone(),
            json.replace('/', "\\/"),
            json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
            percent(value),
            percent(value).replace("%20", "+"),
            percent(value).to_lowercase(),
            hex(value.as_bytes()),
            hex(value.as_bytes()).to_uppercase(),
        ] {
            let shown = redactor.text(&format!("a={text};"));
            assert!(shown == "a=[secret];" || shown == "a=\"[secret]\";", "{text} {shown}");
        }
    }

    #[test]
    fn base64_is_known_wherever_the_value_begins() {
        let value = "hunter2-hunter2?>~";
        let redactor = Redactor::new([Secret::new(value)]);
        for before in ["", "a", "ab", "abc", "user:", "user: "] {
            for behind in ["", "x", "xy", "\n"] {
                let spelled = base64(format!("{before}{value}{behind}").as_bytes());
                for spelled in [spelled.replace('+', "-").replace('/', "_"), spelled] {
                    let shown = redactor.text(&spelled);
                    let left = shown.replace("[secret]", "");
                    assert!(shown.contains("[secret]") && left.len() <= (before.len() + behind.len()) / 3 * 4 + 8, "{before} {behind} {shown}");
                }
            }
        }
    }

    #[test]
    fn each_line_of_a_long_value_is_known() {
        let lines = ["Zx9Qk3Lm7Tp2Wv8Rb4Nc6Yd1", "ab", "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2Tq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2T"];
        let value = format!("-----BEGIN X-----\n{}\n-----END X-----\n", lines.join("\n"));
        let redactor = Redactor::new([Secret::new(value.as_str())]);
        assert_eq!(redactor.text(&value), "[secret]");
        assert_eq!(redactor.text(&format!("a {} b ab {}", lines[0], lines[2])), "a [secret] b ab [secret]");
        let broken: Vec<String> = base64(value.as_bytes()).as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let shown = redactor.text(&broken.join("\n"));
        assert_eq!(
            shown.replace("[secret]", "").trim().len(),
            broken.last().filter(|line| line.len() < SECRET_LINE_BYTES_MIN).map_or(0, String::len),
            "{shown}"
        );
        assert!(redactor.text("-----BEGIN X-----").starts_with("-----"));
    }
}
