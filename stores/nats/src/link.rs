//! What is asked of the server: one message from the leader, many from any replica, a publish, a batch, a removal. Each
//! call has its time.
//!
//! It does not know records and cells, nor what to do about an error: it says whether it may pass.

use crate::codec::Found;
use crate::error::NatsError;
use crate::leads::{Leads, leads};
use crate::pulse::Pulse;
use crate::statistics::Counters;
use async_nats::client::Request;
use async_nats::header;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::Info;
use async_nats::{Client, HeaderMap, Message, StatusCode};
use backon::{BackoffBuilder, ExponentialBuilder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::str;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Messages of one answer of [`Link::next_many`].
pub(crate) const MESSAGES_MAX: usize = 1_024;

/// The header that tells a put from all others.
pub(crate) const PUT_ID: &str = "Statewright-Put";

/// Tries that fit into the time of one call, if none is answered.
const TRIES: u32 = 8;

/// A connection, and how long it may take.
pub(crate) struct Link {
    pub(crate) client: Client,
    /// Servers and name, for errors.
    pub(crate) store: String,
    /// The longest that a call takes, tries included.
    pub(crate) call_max: Duration,
    pub(crate) counters: Counters,
    pulse: Pulse,
    pub(crate) leads: Leads,
}

/// Which message is asked of a leader.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Which<'a> {
    /// The last of a subject or pattern.
    Last {
        #[serde(rename = "last_by_subj")]
        subject: &'a str,
    },
    /// The first of a subject or pattern that has this sequence or a greater one.
    Next {
        #[serde(rename = "seq")]
        from: u64,
        #[serde(rename = "next_by_subj")]
        subject: &'a str,
    },
}

/// What a batch writes: the subject, the last sequence that it must have, and what is written.
pub(crate) struct Draft {
    pub(crate) subject: String,
    pub(crate) expected: Option<u64>,
    pub(crate) payload: Bytes,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    No { error: async_nats::jetstream::Error },
    Yes(T),
}

#[derive(Deserialize)]
struct Got {
    message: GotMessage,
}

#[derive(Deserialize)]
struct GotMessage {
    subject: String,
    #[serde(rename = "seq")]
    sequence: u64,
    #[serde(default)]
    data: String,
    #[serde(default)]
    hdrs: String,
}

#[derive(Deserialize)]
struct Ack {
    #[serde(rename = "seq")]
    sequence: u64,
}

#[derive(Deserialize)]
struct Done {
    success: bool,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    total: usize,
    state: ListedState,
}

#[derive(Deserialize)]
struct ListedState {
    #[serde(default)]
    subjects: HashMap<String, u64>,
}

impl Link {
    pub(crate) fn new(client: Client, store: String, call_max: Duration) -> Self {
        let (counters, pulse, leads) = (Counters::default(), Pulse::new(Instant::now()), Leads::default());
        Self { client, store, call_max, counters, pulse, leads }
    }

    /// When a call that begins now must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.call_max
    }

    /// How long one try waits for its answer.
    pub(crate) fn try_max(&self) -> Duration {
        self.call_max / TRIES
    }

    /// Asks until it is answered, or there is no more time. For what may be asked twice.
    pub(crate) async fn again<T, F>(&self, ask: impl Fn() -> F) -> Result<T, NatsError>
    where
        F: Future<Output = Result<T, NatsError>>,
    {
        let deadline = self.deadline();
        let mut delays = Delays::new();
        loop {
            let error = match timeout_at(deadline, ask()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if error.is_passing() => error,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(NatsError::TimedOut { after: self.call_max }),
            };
            if !delays.pause(deadline).await {
                return Err(error);
            }
            self.counters.retried();
        }
    }

    /// How long nobody may answer until the connection goes to another server: as long as it takes to elect a leader.
    fn patience(&self) -> Duration {
        self.call_max * 2 / 3
    }

    /// One try. When nobody answers for too long, the connection goes to another server.
    async fn tried<T>(&self, ask: impl Future<Output = Result<T, NatsError>>) -> Result<T, NatsError> {
        let began = Instant::now();
        let answer = ask.await;
        match &answer {
            Err(error) if error.is_silence() => {
                if self.pulse.misses((began, Instant::now()), self.patience()) {
                    self.counters.moved();
                    // A connection that hangs may have no room for this either; then it ends by its pings.
                    let _ = timeout(self.try_max(), self.client.force_reconnect()).await;
                }
            }
            Err(NatsError::Connection(_)) => {}
            _ => self.pulse.beats(Instant::now()),
        }
        answer
    }

    /// One message as the leader has it.
    pub(crate) async fn get(&self, stream: &str, which: Which<'_>) -> Result<Option<Found>, NatsError> {
        let what = format!("STREAM.MSG.GET.{stream}");
        let asked: Result<Got, _> = self.ask_leader(stream, &what, &which).await;
        match asked {
            Ok(got) => got.message.found().map(Some),
            Err(NatsError::Answer { code, .. }) if ErrorCode(code) == ErrorCode::NO_MESSAGE_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// At most `limit` messages from `from` on, in order, as one of the replicas has them: it may lag behind the leader,
    /// so that there are more is not said, only which come next.
    pub(crate) async fn next_many(
        &self,
        stream: &str,
        place: (&str, u64),
        limit: usize,
    ) -> Result<Vec<Found>, NatsError> {
        self.tried(self.ask_many(stream, place, limit)).await
    }

    async fn ask_many(
        &self,
        stream: &str,
        (subject, from): (&str, u64),
        limit: usize,
    ) -> Result<Vec<Found>, NatsError> {
        let inbox = self.client.new_inbox();
        let failed = |error| NatsError::Connection(Box::new(error));
        let mut answers =
            self.client.subscribe(inbox.clone()).await.map_err(|error| failed(Box::new(error)))?;
        let ask = serde_json::json!({ "seq": from, "next_by_subj": subject, "batch": limit });
        let ask = Bytes::from(ask.to_string());
        let api = format!("$JS.API.DIRECT.GET.{stream}");
        let sent = self.client.publish_with_reply(api, inbox, ask).await;
        sent.map_err(|error| NatsError::Connection(Box::new(error)))?;
        let mut found: Vec<Found> = Vec::new();
        let wait = self.try_max();
        loop {
            let Ok(answer) = timeout(wait, answers.next()).await else {
                return Err(NatsError::TimedOut { after: wait });
            };
            let answer = answer.ok_or(NatsError::Torn)?;
            match answer.status {
                None => {
                    let before = number(&answer, header::NATS_LAST_SEQUENCE)?;
                    if found.last().is_some_and(|last| last.sequence != before) {
                        return Err(NatsError::Torn);
                    }
                    found.push(direct(answer)?);
                }
                Some(StatusCode::NOT_FOUND) => return Ok(found),
                Some(StatusCode::NO_RESPONDERS) => return Err(NatsError::NoLeader),
                Some(status) if status.as_u16() == 204 => {
                    let last = number(&answer, header::NATS_LAST_SEQUENCE)?;
                    let whole = found.last().map_or(0, |found| found.sequence) == last;
                    return if whole { Ok(found) } else { Err(NatsError::Torn) };
                }
                Some(status) => {
                    let description = answer.description.unwrap_or_default();
                    return Err(NatsError::Answer { code: 0, kind: status.as_u16().into(), description });
                }
            }
        }
    }

    /// Publishes, and answers with the sequence when it is kept.
    pub(crate) async fn publish(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<u64, NatsError> {
        let wait = self.try_max();
        let request = Request::new().headers(headers).payload(payload).timeout(Some(wait));
        let publish = async {
            let answer = self.client.send_request(subject, request).await;
            let answer = answer.map_err(|error| NatsError::requested(error, wait))?;
            read::<Ack>(&answer).map(|ack| ack.sequence)
        };
        self.tried(publish).await
    }

    /// Publishes all or nothing, one behind the other; the sequence of the last. One draft needs no batch.
    pub(crate) async fn publish_all(&self, drafts: &[Draft]) -> Result<u64, NatsError> {
        let batch = self.client.new_inbox().replace('.', "-");
        for (number, draft) in (1_usize..).zip(drafts) {
            let mut headers = HeaderMap::new();
            if let Some(expected) = draft.expected {
                headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
            }
            let (subject, payload) = (draft.subject.clone(), draft.payload.clone());
            if drafts.len() > 1 {
                headers.insert("Nats-Batch-Id", batch.as_str());
                headers.insert("Nats-Batch-Sequence", number.to_string());
            }
            if number < drafts.len() {
                let sent = self.client.publish_with_headers(subject, headers, payload).await;
                sent.map_err(|error| NatsError::Connection(Box::new(error)))?;
                continue;
            }
            if drafts.len() > 1 {
                headers.insert("Nats-Batch-Commit", "1");
            }
            return self.publish(subject, headers, payload).await;
        }
        Err(NatsError::Torn)
    }

    /// Removes one message, and overwrites it in the server's file. It is no error if it is not there.
    pub(crate) async fn destroy(&self, stream: &str, sequence: u64) -> Result<(), NatsError> {
        let ask = serde_json::json!({ "seq": sequence });
        match self.ask::<Done>(&format!("STREAM.MSG.DELETE.{stream}"), &ask).await {
            Ok(done) if done.success => Ok(()),
            Ok(_) => Err(NatsError::Torn),
            Err(NatsError::Answer { code, .. }) if ErrorCode(code) == ErrorCode::SEQUENCE_NOT_FOUND => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How a stream is made and what it has, as its leader knows; `None`: there is none.
    pub(crate) async fn info(&self, stream: &str) -> Result<Option<Info>, NatsError> {
        self.tried(self.info_once(stream)).await
    }

    pub(crate) async fn info_once(&self, stream: &str) -> Result<Option<Info>, NatsError> {
        match self.ask_once::<Info>(&format!("STREAM.INFO.{stream}"), &serde_json::json!({})).await {
            Ok(info) if leads(&info) => Ok(Some(info)),
            Ok(_) => Err(NatsError::Unled),
            Err(NatsError::Answer { code, .. }) if ErrorCode(code) == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All subjects of a stream under a pattern, in no order.
    pub(crate) async fn subjects(&self, stream: &str, pattern: &str) -> Result<Vec<String>, NatsError> {
        let (mut found, mut offset) = (Vec::new(), 0);
        loop {
            let ask = serde_json::json!({ "subjects_filter": pattern, "offset": offset });
            let listed: Listed = self.ask_leader(stream, &format!("STREAM.INFO.{stream}"), &ask).await?;
            let count = listed.state.subjects.len();
            found.extend(listed.state.subjects.into_keys());
            offset += count;
            if count == 0 || offset >= listed.total {
                return Ok(found);
            }
        }
    }

    /// One question to the API of JetStream.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        ask: &impl Serialize,
    ) -> Result<T, NatsError> {
        self.tried(self.ask_once(what, ask)).await
    }

    /// One question to the leader of a stream, which leads it when it answers.
    async fn ask_leader<T: DeserializeOwned>(
        &self,
        stream: &str,
        what: &str,
        ask: &impl Serialize,
    ) -> Result<T, NatsError> {
        let asked = async {
            let ask = async { (self.ask_once(what, ask).await, Instant::now()) };
            // Most of the time it is known; else it is asked beside it.
            let ((answer, came), led) = join(ask, self.led(stream, Instant::now())).await;
            if answer.as_ref().is_err_and(NatsError::is_silence) {
                return answer;
            }
            led?;
            self.led(stream, came).await?;
            answer
        };
        self.tried(asked).await
    }

    async fn ask_once<T: DeserializeOwned>(&self, what: &str, ask: &impl Serialize) -> Result<T, NatsError> {
        let body = serde_json::to_vec(ask).map_err(NatsError::Answered)?;
        let wait = self.try_max();
        let request = Request::new().payload(body.into()).timeout(Some(wait));
        let answer = self.client.send_request(format!("$JS.API.{what}"), request).await;
        read(&answer.map_err(|error| NatsError::requested(error, wait))?)
    }
}

/// Growing pauses between tries, up to half a second.
pub(crate) struct Delays(backon::ExponentialBackoff);

impl Delays {
    pub(crate) fn new() -> Self {
        let growing = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(5))
            .with_max_delay(Duration::from_millis(500))
            .without_max_times()
            .with_jitter();
        Self(growing.build())
    }

    /// Waits, unless it would be longer than until then.
    pub(crate) async fn pause(&mut self, deadline: Instant) -> bool {
        let delay = self.0.next().unwrap_or_default();
        if Instant::now() + delay >= deadline {
            return false;
        }
        sleep(delay).await;
        true
    }
}

fn read<T: DeserializeOwned>(answer: &Message) -> Result<T, NatsError> {
    match serde_json::from_slice(&answer.payload).map_err(NatsError::Answered)? {
        Answer::Yes(answer) => Ok(answer),
        Answer::No { error } => Err(NatsError::answered(&error)),
    }
}

fn number(answer: &Message, name: header::HeaderName) -> Result<u64, NatsError> {
    let value = answer.headers.as_ref().and_then(|headers| headers.get(name));
    value.and_then(|value| value.as_str().parse().ok()).ok_or(NatsError::Torn)
}

fn direct(answer: Message) -> Result<Found, NatsError> {
    let sequence = number(&answer, header::NATS_SEQUENCE)?;
    let headers = answer.headers.unwrap_or_default();
    let subject = headers.get(header::NATS_SUBJECT).ok_or(NatsError::Torn)?.as_str().to_owned();
    Ok(Found { subject, sequence, payload: answer.payload, is_marker: false, id: None })
}

impl GotMessage {
    fn found(self) -> Result<Found, NatsError> {
        let payload = STANDARD.decode(self.data).map_err(|_| NatsError::Torn)?;
        let headers = STANDARD.decode(self.hdrs).map_err(|_| NatsError::Torn)?;
        let headers = str::from_utf8(&headers).map_err(|_| NatsError::Torn)?;
        let id = values(headers, PUT_ID).next().map(ToOwned::to_owned);
        let Self { subject, sequence, .. } = self;
        Ok(Found { subject, sequence, payload: payload.into(), is_marker: stands_for_nothing(headers), id })
    }
}

/// What a bucket writes for a removed key, and what a server writes for one that went by itself.
fn stands_for_nothing(headers: &str) -> bool {
    let removed = values(headers, "KV-Operation").any(|operation| ["DEL", "PURGE"].contains(&operation));
    removed || values(headers, "Nats-Marker-Reason").next().is_some()
}

fn values<'a>(headers: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = headers.lines().filter_map(|line| line.split_once(':'));
    lines.filter(move |(found, _)| *found == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::stands_for_nothing;

    #[test]
    fn markers_are_told_from_values() {
        assert!(stands_for_nothing("NATS/1.0\r\nKV-Operation: DEL\r\nNats-TTL: 2s\r\n\r\n"));
        assert!(stands_for_nothing("NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\n\r\n"));
        assert!(!stands_for_nothing("NATS/1.0\r\nKV-Operation: PUT\r\n\r\n"));
        assert!(!stands_for_nothing(""));
    }
}
