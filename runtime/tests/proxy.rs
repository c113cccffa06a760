//! The proxy of the conformance suite makes the trouble it says, held against a server that answers in capitals.

#![cfg(feature = "conformance")]

use statewright::store::conformance::proxy::{Proxy, Trouble};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A server, what it has heard, and the way to it.
struct Setting {
    proxy: Proxy,
    heard: Arc<Mutex<String>>,
    news: Arc<Notify>,
}

impl Setting {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let server = listener.local_addr().expect("it listens").to_string();
        let (heard, news) = (Arc::new(Mutex::new(String::new())), Arc::new(Notify::new()));
        tokio::spawn(serve(listener, Arc::clone(&heard), Arc::clone(&news)));
        Self { proxy: Proxy::to(server).await.expect("a port is free"), heard, news }
    }

    async fn connect(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.proxy.address()).await.expect("it listens");
        assert_eq!(ask(&mut stream, "hello").await, "HELLO");
        stream
    }

    /// Until the server has heard something that ends so.
    async fn heard(&self, end: &str) {
        while !self.heard.lock().expect("no panic").ends_with(end) {
            self.news.notified().await;
        }
    }
}

async fn serve(listener: TcpListener, heard: Arc<Mutex<String>>, news: Arc<Notify>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (heard, news) = (Arc::clone(&heard), Arc::clone(&news));
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                heard.lock().expect("no panic").push_str(&text);
                news.notify_one();
                if stream.write_all(text.to_uppercase().as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// What comes back; nothing when the connection is at its end.
async fn ask(stream: &mut TcpStream, text: &str) -> String {
    let mut buffer = [0; 64];
    if stream.write_all(text.as_bytes()).await.is_err() {
        return String::new();
    }
    let count = stream.read(&mut buffer).await.unwrap_or_default();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

#[tokio::test]
async fn a_cut_comes_where_it_was_asked_for() {
    let cases = [
        (Trouble::CutBefore, "", ""),
        (Trouble::CutWithin(3), "ask", ""),
        (Trouble::CutAnswer, "asked", ""),
        (Trouble::CutBehind, "asked", "ASKED"),
    ];
    for (trouble, heard, answer) in cases {
        let at = Setting::new().await;
        let mut stream = at.connect().await;
        at.proxy.make(trouble);
        assert_eq!(ask(&mut stream, "asked").await, answer, "{trouble:?}");
        at.heard(heard).await;
        assert_eq!(ask(&mut stream, "again").await, "", "it stays cut: {trouble:?}");
        at.proxy.restore();
        at.connect().await;
        assert_eq!(*at.heard.lock().expect("no panic"), format!("hello{heard}hello"), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_gone_for_old_and_new() {
    let at = Setting::new().await;
    let mut old = at.connect().await;
    at.proxy.make(Trouble::Gone);
    assert_eq!(old.read(&mut [0; 8]).await.unwrap_or_default(), 0, "it is cut without a word");
    let mut new = TcpStream::connect(at.proxy.address()).await.expect("it listens");
    assert_eq!(ask(&mut new, "new").await, "");
    at.proxy.restore();
    at.connect().await;
}

#[tokio::test]
async fn a_half_closed_connection_still_hears() {
    let at = Setting::new().await;
    let mut stream = at.connect().await;
    at.proxy.make(Trouble::HalfClosed);
    assert_eq!(stream.read(&mut [0; 8]).await.expect("an end, no error"), 0);
    stream.write_all(b"there").await.expect("this way is open");
    at.heard("there").await;
}

#[tokio::test]
async fn what_is_held_goes_on_where_it_was() {
    let at = Setting::new().await;
    let mut stream = at.connect().await;
    at.proxy.make(Trouble::Held);
    stream.write_all(b"late").await.expect("it is taken");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*at.heard.lock().expect("no panic"), "hello");
    at.proxy.restore();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.expect("it goes on");
    assert_eq!(&answer, b"LATE");
}
