//! Other spellings of the same bytes: base64, hexadecimal, percent signs.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns `bytes` in base64, without padding.
pub fn base64(bytes: &[u8]) -> String {
    let letter = |bits: u32| STANDARD.get((bits & 63) as usize).map_or('A', |byte| char::from(*byte));
    let group = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        (0..=three.len()).map(|at| letter(bits >> (18 - 6 * at))).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Returns the bytes of a text in base64 of either alphabet, white space and padding passed over; nothing if another
/// character is in it.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' | b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap_or(0));
        }
    }
    Some(bytes)
}

/// Returns `bytes` in small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(u32::from(half), 16)).collect()
}

/// Returns the bytes of hexadecimal digits; nothing if there is anything else, or half a byte.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |two: &[u8]| match two {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// Returns `text` as an address spells it: what is no letter, digit or `-._~` as a percent sign and two digits.
pub fn percent(text: &str) -> String {
    let spell = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(spell).collect()
}

/// Returns `text` with what percent signs spell put in their place; nothing if they spell nothing.
pub fn unpercent(text: &str) -> Option<String> {
    let (mut bytes, mut rest, mut changed) = (Vec::with_capacity(text.len()), text.as_bytes(), false);
    while let Some((first, behind)) = rest.split_first() {
        let spelled = (*first == b'%').then(|| behind.get(..2)).flatten().and_then(|two| unhex(std::str::from_utf8(two).ok()?)?.first().copied());
        match spelled.filter(|byte| *byte != b'\n') {
            Some(byte) => {
                bytes.push(byte);
                (rest, changed) = (behind.get(2..).unwrap_or_default(), true);
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    changed.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_reads_back() {
        let mut bytes = Vec::new();
        for byte in (0..=255_u8).rev() {
            bytes.push(byte);
            assert_eq!(unbase64(&base64(&bytes)).as_ref(), Some(&bytes));
            assert_eq!(unhex(&hex(&bytes)).as_ref(), Some(&bytes));
        }
        let text: String = ('\u{20}'..'\u{250}').collect();
        assert_eq!(unpercent(&percent(&text)).as_ref(), Some(&text));
        assert_eq!(base64(b"hi there"), "aGkgdGhlcmU");
        assert_eq!(unbase64("aGkg\n dGhlcmU=").as_deref(), Some(&b"hi there"[..]));
        assert_eq!((unbase64("a!"), unhex("abc"), unhex("zz"), unpercent("100% %zz")), (None, None, None, None));
    }
}
