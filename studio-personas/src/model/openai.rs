//! A model behind any server that speaks OpenAI's chat completions: llama.cpp, vLLM, Ollama, OpenAI.
//!
//! The request is async-openai's type. The exchange is our own, since its client loses the status
//! of an error it cannot parse, reads bodies of any size, asks again by itself and reads keys and
//! addresses from the environment.

use super::wire;
use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage,
    CreateChatCompletionRequest, ResponseFormat, ResponseFormatJsonSchema,
};
use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url, redirect, retry};
use std::error::Error;
use std::fmt;
use std::time::Duration;
use studio_core::limits::ANSWER_BYTES_MAX;
use studio_core::model::{Form, Message, Model, ModelError, Reply, Request, Role};
use studio_core::redact::{Redactor, Secret};
use studio_core::text::one_line;

/// Largest body that is read: an answer, escaped, and what stands around it.
const BODY_BYTES_MAX: usize = ANSWER_BYTES_MAX * 4;
/// How much of a server's words an error repeats.
const QUOTE_CHARS_MAX: usize = 500;
const CONNECT_SECONDS_MAX: u64 = 10;
/// Times a server that still loads its model is asked again, one [`LOADING_PAUSE`] apart.
const LOADING_TRIES_MAX: u32 = 60;
const LOADING_PAUSE: Duration = Duration::from_secs(1);

/// Where a model is served, in the operator's words.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name; runs and reports show `openai:<name>`.
    pub name: String,
    /// The address below which `/chat/completions` stands, as `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// The key, if the server wants one.
    pub key: Option<Secret>,
    /// The model's name on the server.
    pub model: String,
    /// How freely it writes; the server's default if none.
    pub temperature: Option<f32>,
    /// Tokens of one answer; the server's default if none.
    pub max_tokens: Option<u32>,
    /// How long one answer may take, loading the model included.
    pub timeout_seconds: u32,
}

/// A model behind an OpenAI-compatible server. It uses no proxy, follows no redirect and asks once,
/// but for a server that still loads its model.
pub struct OpenAi {
    name: String,
    url: Url,
    model: String,
    temperature: Option<f32>,
    max_tokens: Option<u32>,
    timeout_seconds: u32,
    loading_pause: Duration,
    http: Client,
    redactor: Redactor,
}

impl OpenAi {
    /// Prepares to ask the model at `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is no plain http or https address, the key cannot be sent, the time is none, or
    /// the system's certificates cannot be read.
    pub fn new(endpoint: Endpoint) -> Result<OpenAi, ModelError> {
        let Endpoint { name, base_url, key, model, temperature, max_tokens, timeout_seconds } = endpoint;
        if timeout_seconds == 0 {
            return Err(ModelError::Unreachable(format!("the endpoint {name} has timeout_seconds 0; give it at least 1")));
        }
        let url = address(&base_url).map_err(|why| ModelError::Unreachable(format!("the base_url of the endpoint {name} {why}")))?;
        let http = client(&url, key.as_ref(), timeout_seconds).map_err(|why| ModelError::Unreachable(format!("the endpoint {name}: {why}")))?;
        // A server may quote the key inside JSON, where a slash can be escaped.
        let forms = key.iter().flat_map(|key| [key.clone(), Secret::new(key.expose().replace('/', "\\/"))]);
        let redactor = Redactor::new(forms);
        Ok(OpenAi { name, url, model, temperature, max_tokens, timeout_seconds, loading_pause: LOADING_PAUSE, http, redactor })
    }

    /// Asks, and asks again while the server loads its model.
    async fn patient(&self, body: &CreateChatCompletionRequest) -> Result<Reply, ModelError> {
        for _ in 0..LOADING_TRIES_MAX {
            match self.exchange(body).await {
                Err(ModelError::Status { status: 503, body }) if body.contains("Loading model") => tokio::time::sleep(self.loading_pause).await,
                settled => return settled,
            }
        }
        self.exchange(body).await
    }

    async fn exchange(&self, body: &CreateChatCompletionRequest) -> Result<Reply, ModelError> {
        let response = self.http.post(self.url.clone()).json(body).send().await.map_err(|error| self.broken(error))?;
        let status = response.status();
        let (body, fault) = self.body(response).await;
        if !status.is_success() {
            // Whatever became of its body, the status is the news.
            return Err(ModelError::Status { status: status.as_u16(), body: String::from_utf8_lossy(&body).into_owned() });
        }
        fault.map_or_else(|| wire::read(&body), Err)
    }

    /// Returns what could be read of the body, and why there is no more.
    async fn body(&self, mut response: Response) -> (Vec<u8>, Option<ModelError>) {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => return (body, None),
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES_MAX => {
                    let bytes = body.len() + chunk.len();
                    return (body, Some(ModelError::Long(bytes)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => return (body, Some(self.broken(error))),
            }
        }
    }

    fn broken(&self, error: reqwest::Error) -> ModelError {
        if error.is_timeout() && !error.is_connect() {
            return ModelError::Slow(self.timeout_seconds);
        }
        let error = error.without_url();
        let (mut why, mut source) = (error.to_string(), error.source());
        while let Some(cause) = source {
            why = format!("{why}: {cause}");
            source = cause.source();
        }
        ModelError::Unreachable(why)
    }

    /// Makes an error fit to be shown: a server's words without the key, short and visible.
    fn told(&self, error: ModelError) -> ModelError {
        let tidy = |words: String| one_line(&self.redactor.text(&words), QUOTE_CHARS_MAX);
        match error {
            ModelError::Unreachable(why) => ModelError::Unreachable(tidy(why)),
            ModelError::Status { status, body } => ModelError::Status { status, body: tidy(body) },
            ModelError::Cut(why) => ModelError::Cut(tidy(why)),
            ModelError::Nonsense(why) => ModelError::Nonsense(tidy(why)),
            ModelError::Long(_) | ModelError::Slow(_) | ModelError::Recorded(_) | ModelError::Unscripted { .. } => error,
        }
    }

    #[expect(deprecated, reason = "OpenAI wants the new field and refuses the old one; others, Ollama among them, know only the old one")]
    fn request(&self, request: &Request) -> CreateChatCompletionRequest {
        let official = self.url.host_str() == Some("api.openai.com");
        CreateChatCompletionRequest {
            model: self.model.clone(),
            messages: request.messages.iter().map(message).collect(),
            response_format: request.form.as_ref().map(format),
            temperature: self.temperature,
            max_tokens: self.max_tokens.filter(|_| !official),
            max_completion_tokens: self.max_tokens.filter(|_| official),
            stream: Some(false),
            ..CreateChatCompletionRequest::default()
        }
    }
}

#[async_trait]
impl Model for OpenAi {
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        let body = self.request(request);
        let limit = Duration::from_secs(self.timeout_seconds.into());
        let answer = tokio::time::timeout(limit, self.patient(&body)).await.unwrap_or(Err(ModelError::Slow(self.timeout_seconds)));
        answer.map_err(|error| self.told(error))
    }

    fn name(&self) -> String {
        format!("openai:{}", self.name)
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi").field("name", &self.name).field("url", &self.url.as_str()).field("model", &self.model).finish_non_exhaustive()
    }
}

/// Returns where to send requests. The error does not repeat the address: it may hold a password.
fn address(base_url: &str) -> Result<Url, &'static str> {
    let base = Url::parse(base_url).map_err(|_| "is no address; it should look like http://127.0.0.1:8080/v1")?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
        return Err("is no http or https address");
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err("holds credentials; give them as the endpoint's key");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err("ends with a query or a fragment; it should end with a path, as /v1");
    }
    let url = format!("{}/chat/completions", base.as_str().trim_end_matches('/'));
    Url::parse(&url).map_err(|_| "is no address that a path can be added to")
}

fn client(url: &Url, key: Option<&Secret>, timeout_seconds: u32) -> Result<Client, String> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may be faster; theirs is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| "its key holds characters that no header can carry")?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    let mut builder = Client::builder()
        .default_headers(headers)
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .read_timeout(Duration::from_secs(timeout_seconds.into()))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0) // a kept connection may be dead, and what was sent on it lost
        .no_proxy();
    if url.scheme() == "http" {
        // A machine without a certificate store can still ask a server in its own network.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| format!("no HTTP client: {error}"))
}

fn message(Message { role, text }: &Message) -> ChatCompletionRequestMessage {
    match role {
        Role::System => ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage::from(text.as_str())),
        Role::User => ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage::from(text.as_str())),
        Role::Assistant => ChatCompletionRequestMessage::Assistant(ChatCompletionRequestAssistantMessage::from(text.as_str())),
    }
}

/// Not strict: OpenAI's strict subset knows no bounds on strings, and others enforce a schema anyway.
fn format(Form { name, schema }: &Form) -> ResponseFormat {
    let json_schema = ResponseFormatJsonSchema { description: None, name: name.clone(), schema: schema.as_ref().clone(), strict: Some(false) };
    ResponseFormat::JsonSchema { json_schema }
}

#[cfg(test)]
mod tests;
