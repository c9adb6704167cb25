//! What servers answer, read leniently: only what is needed, and it may be missing, null or odd.

use serde::Deserialize;
use serde_json::Value;
use studio_core::limits::ANSWER_BYTES_MAX;
use studio_core::model::{ModelError, Reply, Usage};

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    #[serde(default)]
    finish_reason: Option<String>,
}

/// Reasoning that a server keeps in a field of its own is passed over: it is no answer.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Value,
    #[serde(default)]
    refusal: Value,
}

/// Reads the body of a successful answer.
///
/// # Errors
/// It is no chat completion, was cut by a limit of tokens, or holds no text.
pub(super) fn read(body: &[u8]) -> Result<Reply, ModelError> {
    // Whole: whoever shows the error takes secrets out first, and half a secret would not be found.
    let whole = || String::from_utf8_lossy(body).into_owned();
    let completion: Completion = serde_json::from_slice(body).map_err(|error| ModelError::Nonsense(format!("{error}; it begins: {}", whole())))?;
    let Completion { choices, usage, error } = completion;
    let Some(Choice { message, finish_reason }) = choices.into_iter().next() else {
        let why = if error.is_null() { whole() } else { error.to_string() };
        return Err(ModelError::Nonsense(format!("it holds no choices: {why}")));
    };
    match finish_reason.as_deref().unwrap_or("") {
        "" | "stop" | "eos" | "end_turn" => {}
        reason @ ("length" | "max_tokens") => {
            return Err(ModelError::Cut(format!("finish_reason is {reason}; a larger max_tokens or context lets it end")));
        }
        reason => return Err(ModelError::Nonsense(format!("finish_reason is {reason:?}, expected \"stop\""))),
    }
    let text = spoken(message.content.as_deref().unwrap_or(""));
    if text.is_empty() {
        return Err(ModelError::Nonsense(silence(&message)));
    }
    if text.len() > ANSWER_BYTES_MAX {
        return Err(ModelError::Long(text.len()));
    }
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    Ok(Reply { text: text.into(), usage: Usage { tokens_in: count("prompt_tokens"), tokens_out: count("completion_tokens") } })
}

/// Returns what is said after thinking aloud; nothing if the thought never ends.
fn spoken(content: &str) -> &str {
    let content = content.trim();
    match content.strip_prefix("<think>") {
        Some(thought) => thought.split_once("</think>").map_or("", |(_, said)| said.trim()),
        None => content,
    }
}

fn silence(Said { content: _, tool_calls, refusal }: &Said) -> String {
    if tool_calls.as_array().is_some_and(|calls| !calls.is_empty()) {
        return "it calls a tool, and none was offered".into();
    }
    match refusal.as_str() {
        Some(refusal) => format!("it refuses: {refusal}"),
        None => "its content is empty".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn choice(choice: Value) -> Result<Reply, ModelError> {
        read(json!({ "choices": [choice] }).to_string().as_bytes())
    }

    fn said(content: &str) -> Result<String, ModelError> {
        choice(json!({ "message": { "content": content }, "finish_reason": "stop" })).map(|reply| reply.text)
    }

    #[test]
    fn an_answer_is_read_whatever_else_is_there_or_missing() {
        let body = json!({
            "id": 7, "object": "x", "service_tier": "odd", "timings": { "n": 1 },
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": " hi\n", "reasoning_content": "hm", "reasoning": {} }, "finish_reason": "eos", "logprobs": 1 }],
            "usage": { "prompt_tokens": 11, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": 4 } },
        });
        assert_eq!(read(body.to_string().as_bytes()), Ok(Reply { text: "hi".into(), usage: Usage { tokens_in: 11, tokens_out: 2 } }));
        for reason in [json!(null), json!(""), json!("end_turn"), json!("stop")] {
            assert_eq!(choice(json!({ "message": { "content": "hi" }, "finish_reason": reason })).unwrap().usage, Usage::default());
        }
        assert_eq!(choice(json!({ "message": { "content": "hi" } })).unwrap().text, "hi");
        for usage in [json!(null), json!("none"), json!({ "prompt_tokens": -1, "completion_tokens": null })] {
            let body = json!({ "choices": [{ "message": { "content": "hi" } }], "usage": usage });
            assert_eq!(read(body.to_string().as_bytes()).unwrap().usage, Usage::default());
        }
    }

    #[test]
    fn thinking_aloud_is_no_answer() {
        assert_eq!(said("<think>\nlet me see </thin\n</think>\n\n{\"a\":1}").unwrap(), "{\"a\":1}");
        assert_eq!(said("a <think>b</think>").unwrap(), "a <think>b</think>");
        assert!(matches!(said("<think>never ends"), Err(ModelError::Nonsense(why)) if why.contains("empty")));
    }

    #[test]
    fn what_is_cut_or_empty_is_an_error() {
        let ended = |reason: &str| choice(json!({ "message": { "content": "{\"a\":" }, "finish_reason": reason }));
        assert!(matches!(ended("length"), Err(ModelError::Cut(why)) if why.contains("length")));
        assert!(matches!(ended("content_filter"), Err(ModelError::Nonsense(why)) if why.contains("content_filter")));
        let silent = |message: Value| match choice(json!({ "message": message, "finish_reason": "stop" })) {
            Err(ModelError::Nonsense(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(silent(json!({ "content": null, "tool_calls": [{ "function": { "arguments": {} } }] })).contains("calls a tool"));
        assert!(silent(json!({ "content": " ", "refusal": "I will not" })).contains("I will not"));
        assert!(silent(json!({ "role": "assistant" })).contains("empty"));
        assert_eq!(said(&"x".repeat(ANSWER_BYTES_MAX + 1)), Err(ModelError::Long(ANSWER_BYTES_MAX + 1)));
    }

    #[test]
    fn what_is_no_completion_is_nonsense() {
        for body in
            ["", "null", "[]", "<html>no", "{\"choices\":[]}", "{\"choices\":[{}]}", "{\"choices\":[{\"message\":{\"content\":", "\u{feff}{}", "{}"]
        {
            assert!(matches!(read(body.as_bytes()), Err(ModelError::Nonsense(_))), "{body}");
        }
        assert!(matches!(read(b"{\"error\":{\"message\":\"overloaded\"}}"), Err(ModelError::Nonsense(why)) if why.contains("overloaded")));
        assert!(matches!(read(b"\xff\xfe"), Err(ModelError::Nonsense(_))));
    }
}
