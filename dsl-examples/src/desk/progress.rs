//! A bar on the terminal that follows a batch: how many of its requests have a result, and how many were refused.

use indicatif::{ProgressBar, ProgressStyle};
use statewright::host::BatchCounts;

/// Drawn on a terminal only.
pub(crate) fn bar(rows: Option<u64>) -> ProgressBar {
    let (bar, template) = match rows {
        Some(rows) => {
            (ProgressBar::new(rows), "{bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} to go{msg}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} rows, {per_sec}{msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What a batch is to tell its counts to.
pub(crate) fn follow(bar: &ProgressBar) -> impl Fn(&BatchCounts) + Send + Sync + 'static {
    let bar = bar.clone();
    move |counts| {
        bar.set_position(counts.done());
        if counts.failed > 0 {
            bar.set_message(format!(", {} refused", counts.failed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsl_examples::turnstile::{Turnstile, TurnstileTrigger};
    use statewright::Host;
    use statewright::host::{BatchOptions, BatchRequest};
    use statewright::store::MemoryStore;

    #[tokio::test]
    async fn the_bar_stands_where_the_batch_stands() {
        let host = Host::<Turnstile>::builder(MemoryStore::new()).build().await.expect("fine");
        let bar = ProgressBar::hidden();
        let triggers = [TurnstileTrigger::Coin, TurnstileTrigger::Push, TurnstileTrigger::Push];
        let batch = host.batch(BatchOptions::default().progress(follow(&bar)));
        batch.fire_all(triggers.map(|trigger| BatchRequest::new("gate-7", trigger))).await;
        assert_eq!((bar.position(), bar.message().as_str()), (3, ", 1 refused"));
    }
}
