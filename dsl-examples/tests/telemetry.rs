//! What the job sends to a collector arrives there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// Where a request went, and what it held.
type Posted = (String, Vec<u8>);

/// Takes in every request of a connection and thanks for it.
fn take_in(stream: TcpStream, posted: &Sender<Posted>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        posted.send((path, body)).expect("the test waits");
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}

#[test]
fn spans_and_metrics_of_the_job_arrive_at_a_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let collector = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (sender, posted) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || take_in(stream, &sender));
        }
    });
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let log = folder.path().join("log.csv");
    let rows = "case,time,status,substatus,line,country\n\
        1,2013-05-01T08:00:00Z,Accepted,In Progress,A2,Sweden\n\
        1,2013-05-01T09:00:00Z,Completed,In Call,A2,Sweden\n";
    std::fs::write(&log, rows).expect("it is written");
    let mut job = Command::new(env!("CARGO_BIN_EXE_dsl-examples"));
    job.arg(&log).arg("--store").arg(folder.path().join("desk.db")).args(["--otel", &collector]);
    let output = job.output().expect("the job runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let posted: Vec<_> = posted.try_iter().collect();
    let arrived = |path: &str, name: &str| posted.iter().any(|(to, body)| to == path && holds(body, name));
    // The rows are one batch, whose requests have no span of their own.
    for span in ["statewright.group", "statewright.load", "statewright.append"] {
        assert!(arrived("/v1/traces", span), "{span} is missing");
    }
    for metric in ["statewright_step_seconds", "statewright_append_steps"] {
        assert!(arrived("/v1/metrics", metric), "{metric} is missing");
    }
    for text in ["incident-desk", "appended", "Incident"] {
        assert!(arrived("/v1/traces", text) && arrived("/v1/metrics", text), "{text} is missing");
    }
}

/// Texts stand in protobuf as they are, behind their length.
fn holds(body: &[u8], text: &str) -> bool {
    let length = u8::try_from(text.len()).expect("a short one");
    let sought = [&[length], text.as_bytes()].concat();
    body.windows(sought.len()).any(|window| window == sought)
}
