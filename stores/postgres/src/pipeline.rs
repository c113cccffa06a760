//! Statements that go out one behind the other, without waiting for the answers between them.

use futures_util::future::{MaybeDone, maybe_done};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Begins all in their order, then waits for each. The driver sends a statement when its future is first polled, and
/// answers come in the order of the statements.
pub(crate) async fn pipeline<F: Future>(statements: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut sent: Vec<Pin<Box<MaybeDone<F>>>> =
        statements.into_iter().map(|statement| Box::pin(maybe_done(statement))).collect();
    poll_fn(|cx| {
        for statement in &mut sent {
            // One that is done already is asked again below.
            let _ = statement.as_mut().poll(cx);
        }
        Poll::Ready(())
    })
    .await;
    let mut answers = Vec::with_capacity(sent.len());
    for mut statement in sent {
        statement.as_mut().await;
        answers.extend(statement.as_mut().take_output());
    }
    answers
}
