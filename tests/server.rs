//! A tiny HTTP server that plays a model: it answers from a script and keeps what it was asked.

use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// An address that is taken and not listened at: whoever knocks is refused until it is opened.
pub struct Door {
    socket: TcpSocket,
    address: SocketAddr,
}

/// A model's server. It goes away when it is dropped.
pub struct Server {
    address: SocketAddr,
    book: Arc<Book>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What was asked so far.
#[derive(Default)]
struct Book {
    asked: Mutex<Vec<Asked>>,
    more: Condvar,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The name of the form the answer must have; `text` where any text will do.
    pub form: String,
    /// How often this form was asked for, from 1.
    pub turn: usize,
    /// The request line and headers.
    pub head: String,
    /// The body.
    pub body: Value,
}

/// What the server does about a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A chat completion with this text.
    Says(String),
    /// This status and this body.
    Status(u16, String),
    /// These bytes, whatever they are.
    Raw(String),
    /// Nothing: it closes the connection.
    HangsUp,
    /// Nothing: it keeps the connection open until the other side or the server goes away.
    Silent,
}

impl Door {
    /// Takes a free address.
    ///
    /// # Panics
    /// There is none.
    #[expect(clippy::new_without_default, reason = "each is another address")]
    pub fn new() -> Door {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = socket.local_addr().unwrap();
        Door { socket, address }
    }

    /// Returns the base URL of whatever will listen here.
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// Listens, and answers as `script` says.
    ///
    /// # Panics
    /// The socket cannot be listened at.
    pub fn open(self, script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Server {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        let listener = runtime.block_on(async { self.socket.listen(64).unwrap() });
        let (book, stop) = (Arc::<Book>::default(), CancellationToken::new());
        let (kept, stopped) = (Arc::clone(&book), stop.clone());
        let thread = std::thread::spawn(move || serve(&runtime, &listener, &kept, &stopped, script));
        Server { address: self.address, book, stop, thread: Some(thread) }
    }
}

impl Server {
    /// Opens a door of its own.
    ///
    /// # Panics
    /// No address is free.
    pub fn start(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Server {
        Door::new().open(script)
    }

    /// Returns its base URL, as an OpenAI-compatible server has one.
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// Returns what it was asked so far.
    ///
    /// # Panics
    /// The script did.
    pub fn asked(&self) -> Vec<Asked> {
        self.book.asked.lock().unwrap().clone()
    }

    /// Waits until it was asked `count` times.
    ///
    /// # Panics
    /// The script did.
    pub fn wait_for(&self, count: usize) {
        drop(self.book.more.wait_while(self.book.asked.lock().unwrap(), |asked| asked.len() < count).unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        let served = self.thread.take().map(JoinHandle::join);
        assert!(!matches!(served, Some(Err(_))) || std::thread::panicking(), "the server's script failed");
    }
}

impl Reply {
    fn bytes(self) -> Option<String> {
        let http = |status: u16, body: &str| {
            let length = body.len();
            Some(format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"))
        };
        match self {
            Reply::Says(text) => {
                let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
                let usage = json!({ "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 });
                http(200, &json!({ "object": "chat.completion", "choices": [choice], "usage": usage }).to_string())
            }
            Reply::Status(status, body) => http(status, &body),
            Reply::Raw(bytes) => Some(bytes),
            Reply::HangsUp => Some(String::new()),
            Reply::Silent => None,
        }
    }
}

fn serve(runtime: &Runtime, listener: &TcpListener, book: &Book, stop: &CancellationToken, mut script: impl FnMut(&Asked) -> Reply) {
    runtime.block_on(async {
        while let Some(Ok((mut stream, _))) = stop.run_until_cancelled(listener.accept()).await {
            let Some(asked) = read(&mut stream, book).await else { continue };
            let reply = script(&asked);
            book.asked.lock().unwrap().push(asked);
            book.more.notify_all();
            // Whoever asked may go away whenever they like.
            let answered = async {
                match reply.bytes() {
                    Some(bytes) => drop(stream.write_all(bytes.as_bytes()).await),
                    None => drop(stream.read(&mut [0]).await),
                }
                let _ = stream.shutdown().await;
            };
            stop.run_until_cancelled(answered).await;
        }
    });
}

async fn read(stream: &mut TcpStream, book: &Book) -> Option<Asked> {
    let (mut request, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let (head, body) = (String::from_utf8_lossy(&request[..end]), &request[end + 4..]);
            let length = head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(noted(&head, body, book));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            Ok(0) | Err(_) => return None,
        }
    }
}

fn noted(head: &str, body: &[u8], book: &Book) -> Asked {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let form = body.pointer("/response_format/json_schema/name").and_then(Value::as_str).unwrap_or("text").to_string();
    let before = book.asked.lock().unwrap().iter().filter(|asked| asked.form == form).count();
    Asked { form, turn: before + 1, head: head.into(), body }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/v1")
}
