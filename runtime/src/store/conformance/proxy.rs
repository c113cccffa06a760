//! A TCP proxy between a store and its server, which makes trouble on demand.
//!
//! It knows no protocol: it sees bytes that go there and bytes that come back, and troubles all connections alike.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that are carried at once.
const CHUNK: usize = 16 << 10;

/// What happens to what goes through, until [`Proxy::restore`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Nothing.
    None,
    /// The server is gone: connections are cut, new ones are closed at once.
    Gone,
    /// A connection is cut when something is to go there, before a byte of it did.
    CutBefore,
    /// A connection is cut when this many bytes of what is to go there are through.
    CutWithin(usize),
    /// What goes there is through, and the connection is cut when the answer comes, before a byte of it is seen.
    CutAnswer,
    /// A connection is cut when something of an answer was seen.
    CutBehind,
    /// Nothing comes back any more, and that is said: the end of the stream is read. What goes there is through.
    HalfClosed,
    /// Everything is held back on both ways, and goes on when the trouble is over.
    Held,
    /// Everything is late by this much.
    Late(Duration),
}

/// A proxy on a port of its own; it ends when it is dropped, with its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    trouble: watch::Sender<Trouble>,
    _links: JoinSet<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// The connection is to be cut, both halves at once.
struct Cut;

impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Proxy {
    /// Begins to pass connections on to `server`, host and port, without trouble.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn to(server: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, trouble) = (listener.local_addr()?, watch::Sender::new(Trouble::None));
        let mut links = JoinSet::new();
        links.spawn(serve(listener, server, trouble.subscribe()));
        Ok(Self { address, trouble, _links: links })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Troubles all connections from now on.
    pub fn make(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }

    /// Ends the trouble. What was cut stays cut.
    pub fn restore(&self) {
        self.make(Trouble::None);
    }
}

async fn serve(listener: TcpListener, server: String, trouble: watch::Receiver<Trouble>) {
    let mut links = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while links.try_join_next().is_some() {}
        if *trouble.borrow() != Trouble::Gone {
            links.spawn(link(client, server.clone(), trouble.clone()));
        }
    }
}

async fn link(client: TcpStream, server: String, trouble: watch::Receiver<Trouble>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Small requests go out at once; that it cannot be had on a socket is no reason not to carry bytes.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = pump(from_client, to_server, Way::There, trouble.clone());
    let back = pump(from_server, to_client, Way::Back, trouble.clone());
    let mut gone = trouble;
    tokio::select! {
        _ = async { tokio::try_join!(there, back) } => {}
        _ = gone.wait_for(|trouble| *trouble == Trouble::Gone) => {}
    }
}

/// Carries one way's bytes until its end.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut trouble: watch::Receiver<Trouble>,
) -> Result<(), Cut> {
    let mut buffer = vec![0; CHUNK];
    let mut closing = trouble.clone();
    loop {
        let count = tokio::select! {
            count = from.read(&mut buffer) => count?,
            _ = closing.wait_for(|trouble| *trouble == Trouble::HalfClosed), if way == Way::Back => 0,
        };
        let now = *trouble.wait_for(|trouble| *trouble != Trouble::Held).await.map_err(|_| Cut)?;
        if count == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        carry(&buffer[..count], &mut to, way, now).await?;
    }
}

async fn carry(bytes: &[u8], to: &mut OwnedWriteHalf, way: Way, trouble: Trouble) -> Result<(), Cut> {
    match (trouble, way) {
        (Trouble::Gone, _) | (Trouble::CutBefore, Way::There) | (Trouble::CutAnswer, Way::Back) => Err(Cut),
        (Trouble::CutWithin(max), Way::There) => {
            to.write_all(&bytes[..max.min(bytes.len())]).await?;
            Err(Cut)
        }
        (Trouble::CutBehind, Way::Back) => {
            to.write_all(bytes).await?;
            Err(Cut)
        }
        (Trouble::Late(delay), _) => {
            tokio::time::sleep(delay).await;
            Ok(to.write_all(bytes).await?)
        }
        _ => Ok(to.write_all(bytes).await?),
    }
}
