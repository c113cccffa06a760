//! As much of the protocol of NATS as shows that a server is there and that its JetStream has a leader.
//!
//! It knows no JSON: the two things that it looks for stand there as they are written.

use crate::process::{Look, log};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::time::Duration;

/// A server that does not answer by then is not ready.
const ANSWER_MAX: Duration = Duration::from_millis(500);

/// Lines until the answer comes.
const LINES_MAX: usize = 16;

/// Whether the server of that name is there, and answers for JetStream.
pub(super) fn look(at: SocketAddrV4, name: &str, folder: &Path) -> Look {
    match asked(at, name) {
        Ok(true) => Look::Ready,
        _ if log(folder).contains("[FTL]") || log(folder).contains("address already in use") => Look::Failed,
        _ => Look::NotYet,
    }
}

fn asked(at: SocketAddrV4, name: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&at.into(), ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let greeting = lines.next().transpose()?.unwrap_or_default();
    if !greeting.contains(&format!("\"server_name\":\"{name}\"")) {
        return Ok(false);
    }
    stream.write_all(b"CONNECT {\"verbose\":false}\r\nSUB ready 1\r\nPUB $JS.API.INFO ready 0\r\n\r\n")?;
    for line in lines.take(LINES_MAX) {
        let line = line?;
        if line.contains("io.nats.jetstream.api.v1.account_info_response") {
            return Ok(!line.contains("\"error\""));
        }
    }
    Ok(false)
}
