//! Tests against a tiny server of our own: each answer is a script of bytes, each request is kept.

use super::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "sk-local/0123456789";

/// A server that gives each connection the next answer and then closes it.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = String>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server { url: format!("http://{}/v1/", listener.local_addr().unwrap()), seen: Arc::default() };
        let (seen, answers) = (Arc::clone(&server.seen), answers.into_iter().collect::<Vec<_>>());
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                // A client that has read enough closes, so a failed write is its good right.
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        server
    }

    /// Returns the requests so far, each as head and body.
    fn seen(&self) -> Vec<(String, Value)> {
        let split = |request: &String| {
            request.split_once("\r\n\r\n").map(|(head, body)| (head.to_ascii_lowercase(), serde_json::from_str(body).unwrap())).unwrap()
        };
        self.seen.lock().unwrap().iter().map(split).collect()
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        let length = text.to_ascii_lowercase().split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
        if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0)) {
            return text;
        }
        match stream.read(&mut buffer).await.unwrap() {
            0 => return text,
            n => request.extend_from_slice(&buffer[..n]),
        }
    }
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn said(content: &str) -> String {
    http("200 OK", &json!({ "choices": [{ "message": { "content": content }, "finish_reason": "stop" }], "usage": { "prompt_tokens": 9, "completion_tokens": 3 } }).to_string())
}

fn loading() -> String {
    http("503 Service Unavailable", r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#)
}

fn endpoint(base_url: &str) -> Endpoint {
    Endpoint {
        name: "lab".into(),
        base_url: base_url.into(),
        key: Some(Secret::new(KEY)),
        model: "qwen".into(),
        temperature: Some(0.5),
        max_tokens: Some(100),
        timeout_seconds: 30,
    }
}

fn model(base_url: &str) -> OpenAi {
    OpenAi { loading_pause: Duration::ZERO, ..OpenAi::new(endpoint(base_url)).unwrap() }
}

fn question(form: Option<Form>) -> Request {
    let messages = [(Role::System, "be brief"), (Role::User, "hello"), (Role::Assistant, "{"), (Role::User, "again")];
    Request { persona: "planner".try_into().unwrap(), turn: 1, messages: messages.map(|(role, text)| Message::new(role, text)).into(), form }
}

/// Asks a server that answers like this, and returns what came of it and how often it was asked.
async fn ask(answers: impl IntoIterator<Item = String>) -> (Result<Reply, ModelError>, usize) {
    let server = Server::start(answers).await;
    let answer = model(&server.url).complete(&question(None)).await;
    (answer, server.seen().len())
}

async fn fails(answer: String) -> ModelError {
    match ask([answer, said("asked twice")]).await {
        (Err(error), 1) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_what_servers_expect() {
    let server = Server::start([said("{\"a\":1}"), said("hi")]).await;
    let form = Form { name: "thing".into(), schema: json!({ "type": "object" }).into() };
    let model = model(&server.url);
    assert_eq!(model.name(), "openai:lab");
    let reply = model.complete(&question(Some(form))).await.unwrap();
    assert_eq!(reply, Reply { text: "{\"a\":1}".into(), usage: studio_core::model::Usage { tokens_in: 9, tokens_out: 3 } });
    let bare = Endpoint { key: None, temperature: None, max_tokens: None, ..endpoint(&server.url) };
    OpenAi::new(bare).unwrap().complete(&question(None)).await.unwrap();
    let [(head, full), (bare_head, bare)] = &server.seen()[..] else { panic!("two requests") };
    assert!(head.starts_with("post /v1/chat/completions http/1.1") && head.contains(&format!("authorization: bearer {KEY}")), "{head}");
    assert!(!bare_head.contains("authorization"), "{bare_head}");
    assert_eq!(
        *full,
        json!({
            "model": "qwen", "temperature": 0.5, "max_tokens": 100, "stream": false,
            "messages": [
                { "role": "system", "content": "be brief" }, { "role": "user", "content": "hello" },
                { "role": "assistant", "content": "{" }, { "role": "user", "content": "again" },
            ],
            "response_format": { "type": "json_schema", "json_schema": { "name": "thing", "schema": { "type": "object" }, "strict": false } },
        })
    );
    assert_eq!(bare.as_object().unwrap().keys().collect::<Vec<_>>(), ["messages", "model", "stream"]);
}

#[test]
fn openai_itself_wants_another_field() {
    let body = model("http://api.openai.com/v1").request(&question(None));
    assert_eq!((body.max_completion_tokens, json!(body).get("max_tokens")), (Some(100), None));
}

#[tokio::test]
async fn a_fence_is_left_to_the_desk_and_a_thought_is_not() {
    assert_eq!(ask([said("```json\n{}\n```")]).await.0.unwrap().text, "```json\n{}\n```");
    assert_eq!(ask([said("<think>hm</think>{}")]).await.0.unwrap().text, "{}");
}

#[tokio::test]
async fn an_error_keeps_its_status_and_words() {
    let overflow = r#"{"error":{"code":400,"message":"exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}"#;
    for (status, body) in [
        ("400 Bad Request", overflow),
        ("500 Internal Server Error", "<html><h1>oops</h1>"),
        ("429 Too Many Requests", ""),
        ("503 Down", "maintenance"),
        ("404 Not Found", "{}"),
    ] {
        assert_eq!(fails(http(status, body)).await, ModelError::Status { status: status[..3].parse().unwrap(), body: body.into() });
    }
    let ModelError::Status { body, .. } = fails(http("500 Oops", &format!("a\u{1b}[2J\n\n{}", "b".repeat(2000)))).await else { panic!("no status") };
    assert!(body.starts_with("a\\u{1b}[2J bbb") && body.chars().count() == QUOTE_CHARS_MAX + 1, "{body}");
}

#[tokio::test]
async fn the_key_is_never_repeated() {
    let escaped = format!("{{\"error\":\"bad key {}\"}}", KEY.replace('/', "\\/"));
    for error in [
        fails(http("401 Unauthorized", &format!("no such key: {KEY}"))).await,
        fails(http("401 Unauthorized", &escaped)).await,
        fails(http("200 OK", &format!("{{\"error\":\"{KEY}\"}}"))).await,
        fails(http("200 OK", &format!("\"{KEY}\""))).await,
        fails(http("200 OK", &format!("{}{KEY}", "x".repeat(QUOTE_CHARS_MAX - 100)))).await,
    ] {
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("[secret]") && !shown.contains("0123456789"), "{shown}");
    }
    let (endpoint, model) = (endpoint("http://127.0.0.1:9/v1"), model("http://127.0.0.1:9/v1"));
    assert!(!format!("{endpoint:?} {model:?}").contains("0123456789"));
}

#[tokio::test]
async fn a_redirect_is_an_error() {
    let server = Server::start([said("elsewhere")]).await;
    let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {}chat/completions\r\ncontent-length: 0\r\n\r\n", server.url);
    assert_eq!(fails(moved).await, ModelError::Status { status: 307, body: String::new() });
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let endless = |status: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{}", "x".repeat(2 * BODY_BYTES_MAX));
    assert!(matches!(fails(endless("200 OK")).await, ModelError::Long(bytes) if bytes > BODY_BYTES_MAX));
    assert!(matches!(fails(endless("500 Oops")).await, ModelError::Status { status: 500, .. }));
}

#[tokio::test]
async fn a_broken_connection_is_an_error_and_not_asked_again() {
    let cut = said("a long answer").replace("content-length: ", "content-length: 9");
    for answer in [
        cut,
        String::new(),
        "HTTP/1.1 200".into(),
        "220 smtp ready\r\n".into(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nxx".into(),
    ] {
        let error = fails(answer.clone()).await;
        assert!(matches!(&error, ModelError::Unreachable(why) if !why.contains("127.0.0.1")), "{answer}: {error:?}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let refused = model(&url).complete(&question(None)).await;
    assert!(matches!(&refused, Err(ModelError::Unreachable(why)) if why.contains("refused")), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    assert!(matches!(fails(http("200 OK", "{\"choices\":[{\"mess")).await, ModelError::Nonsense(_)));
    assert!(matches!(fails(http("204 No Content", "")).await, ModelError::Nonsense(_)));
    let ended = |reason: &str, content: Value| {
        http("200 OK", &json!({ "choices": [{ "message": { "content": content }, "finish_reason": reason }] }).to_string())
    };
    assert!(matches!(fails(ended("length", json!("{\"a"))).await, ModelError::Cut(_)));
    assert!(matches!(fails(ended("stop", Value::Null)).await, ModelError::Nonsense(_)));
}

#[tokio::test]
async fn a_server_that_loads_its_model_is_waited_for() {
    let (answer, asked) = ask([loading(), loading(), said("ready")]).await;
    assert_eq!((answer.unwrap().text.as_str(), asked), ("ready", 3));
    let (answer, asked) = ask((0..=LOADING_TRIES_MAX).map(|_| loading()).chain([said("too late")])).await;
    assert!(matches!(answer, Err(ModelError::Status { status: 503, .. })));
    assert_eq!(asked, LOADING_TRIES_MAX as usize + 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let model = OpenAi::new(Endpoint { timeout_seconds: 5, ..endpoint(&url) }).unwrap();
    assert_eq!(model.complete(&question(None)).await, Err(ModelError::Slow(5)));
}

#[test]
fn an_endpoint_that_cannot_be_is_refused() {
    for address in [
        "",
        "127.0.0.1:8080",
        "localhost:8080/v1",
        "ftp://h/v1",
        "file:///v1",
        "http://",
        "http://me:hunter22@h/v1",
        "http://hunter22@h/v1",
        "http://h/v1?key=hunter22",
        "http://h/v1#x",
    ] {
        let error = OpenAi::new(endpoint(address)).unwrap_err().to_string();
        assert!(error.contains("base_url of the endpoint lab") && !error.contains("hunter22"), "{address}: {error}");
    }
    let error = OpenAi::new(Endpoint { key: Some(Secret::new("sk-hunter22\n")), ..endpoint("http://h/v1") }).unwrap_err().to_string();
    assert!(error.contains("header") && !error.contains("hunter22"), "{error}");
    assert!(OpenAi::new(Endpoint { timeout_seconds: 0, ..endpoint("http://h/v1") }).is_err());
    for address in ["http://h", "http://h/", "http://h/v1", "http://h/v1//"] {
        assert!(OpenAi::new(endpoint(address)).unwrap().url.as_str().ends_with("/chat/completions"));
        assert!(!OpenAi::new(endpoint(address)).unwrap().url.path().contains("//"));
    }
}
