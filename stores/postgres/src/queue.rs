//! What waits to be written, and what of it is written next.
//!
//! Transactions under way have no shard in common, so they do not wait for each other at the server. Nothing overtakes what
//! it has a stream or a cell in common with.

use crate::rows::Address;
use crate::transaction::Item;
use statewright::store::{Outcome, StoreError};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Most items of one transaction.
const BATCH_MAX: usize = 1_024;

/// Most bytes of one transaction, unless a single item has more.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Most that wait here; others wait in the channel.
const WAITING_MAX: usize = BATCH_MAX;

/// Fewest items for which a shard has a transaction of its own. That is a single statement; with fewer, one more commit costs
/// more than it saves.
const OWN_MIN: usize = 6;

/// What is asked, and since when.
pub(crate) struct Job {
    pub(crate) since: Instant,
    pub(crate) work: Work,
}

pub(crate) enum Work {
    /// An item for itself.
    One(Item, Reply),
    /// Appends that stand or fall together.
    Whole(Vec<Item>, oneshot::Sender<Vec<Outcome>>),
}

/// Who is told what became of an item.
pub(crate) enum Reply {
    Append(oneshot::Sender<Outcome>),
    /// The new version of each cell that fits.
    Cells(oneshot::Sender<Result<Vec<Option<u64>>, StoreError>>),
}

impl Job {
    fn items(&self) -> &[Item] {
        match &self.work {
            Work::One(item, _) => std::slice::from_ref(item),
            Work::Whole(items, _) => items,
        }
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = i16> {
        self.items().iter().flat_map(Item::shards)
    }

    fn streams(&self) -> impl Iterator<Item = &Arc<Address>> {
        self.items().iter().filter_map(Item::stream)
    }

    /// The only shard that it touches.
    fn shard(&self) -> Option<i16> {
        let mut shards = self.shards();
        let first = shards.next()?;
        shards.all(|shard| shard == first).then_some(first)
    }

    fn is_whole(&self) -> bool {
        matches!(self.work, Work::Whole(..))
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Job>,
    /// Shards of the transactions that are under way.
    busy: HashSet<i16>,
}

impl Queue {
    pub(crate) fn push(&mut self, job: Job) {
        self.waiting.push_back(job);
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= WAITING_MAX
    }

    /// Whether anything waits that has no shard in common with what is under way or waits for it.
    pub(crate) fn is_ready(&self) -> bool {
        let mut held = self.busy.clone();
        self.waiting.iter().any(|job| is_free(job, &mut held))
    }

    /// A transaction that touched these shards has ended.
    pub(crate) fn end(&mut self, shards: &[i16]) {
        for shard in shards {
            self.busy.remove(shard);
        }
    }

    /// What is written next, in at most so many transactions: at most one append of each stream, in the order in which they
    /// came.
    pub(crate) fn next(&mut self, transactions_max: usize) -> Vec<Vec<Job>> {
        let mut transactions = transactions(self.batch());
        let later = transactions.split_off(transactions_max.min(transactions.len()));
        for job in later.into_iter().flatten().rev() {
            self.waiting.push_front(job);
        }
        self.busy.extend(transactions.iter().flatten().flat_map(Job::shards));
        transactions
    }

    /// What may be written now, within the bounds of one transaction.
    fn batch(&mut self) -> Vec<Job> {
        let mut held = self.busy.clone();
        let mut batch: Vec<Job> = Vec::new();
        let mut streams: HashSet<Arc<Address>> = HashSet::new();
        let mut bytes = 0_usize;
        for job in std::mem::take(&mut self.waiting) {
            bytes += job.items().iter().map(Item::bytes).sum::<usize>();
            // What stands or falls together has a transaction of its own.
            let alone = job.is_whole() || batch.first().is_some_and(Job::is_whole);
            let room = batch.is_empty() || (!alone && batch.len() < BATCH_MAX && bytes <= BATCH_BYTES_MAX);
            let taken = is_free(&job, &mut held) && room;
            if !taken {
                held.extend(job.shards());
            }
            if taken && job.streams().all(|stream| !streams.contains(stream)) {
                streams.extend(job.streams().map(Arc::clone));
                batch.push(job);
            } else {
                self.waiting.push_back(job);
            }
        }
        batch
    }
}

/// Shards with enough of their own have transactions of their own, all others are written together; first who came first.
fn transactions(batch: Vec<Job>) -> Vec<Vec<Job>> {
    let mut counts: HashMap<i16, usize> = HashMap::new();
    for job in &batch {
        match job.shard() {
            Some(shard) => *counts.entry(shard).or_default() += 1,
            None => return Vec::from([batch]),
        }
    }
    let mut transactions: Vec<(Option<i16>, Vec<Job>)> = Vec::new();
    for job in batch {
        let own = job.shard().filter(|shard| counts.get(shard).is_some_and(|count| *count >= OWN_MIN));
        match transactions.iter_mut().find(|(shard, _)| *shard == own) {
            Some((_, jobs)) => jobs.push(job),
            None => transactions.push((own, Vec::from([job]))),
        }
    }
    transactions.into_iter().map(|(_, jobs)| jobs).collect()
}

/// Whether none of its shards is held. If not, it holds those that it waits for, so that it is not overtaken for ever.
fn is_free(job: &Job, held: &mut HashSet<i16>) -> bool {
    let free = job.shards().all(|shard| !held.contains(&shard));
    if !free {
        held.extend(job.shards());
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Name;
    use crate::rows::Request;
    use crate::shelf;
    use bytes::Bytes;
    use proptest::prelude::*;
    use statewright::store::{CellKey, Put, Shard};
    use std::collections::BTreeMap;

    /// What a job is about. Cells of one shard count as one thing, so their order is looked at too.
    type Things = Vec<(i16, Option<usize>)>;

    fn append(n: usize, (shard, instance): (i16, usize)) -> Item {
        let instance = instance.to_string().into();
        let address = Address { shard, tenant: "".into(), machine: "".into(), instance };
        let after = i64::try_from(n).expect("few");
        Item::Append(Request { address: Arc::new(address), after, steps: Vec::new(), bytes: 1 })
    }

    fn job(work: Work) -> Job {
        Job { since: Instant::now(), work }
    }

    fn one(n: usize, stream: (i16, usize)) -> Job {
        job(Work::One(append(n, stream), Reply::Append(oneshot::channel().0)))
    }

    fn whole(n: usize, streams: &[(i16, usize)]) -> Job {
        let items = streams.iter().map(|stream| append(n, *stream)).collect();
        job(Work::Whole(items, oneshot::channel().0))
    }

    fn cells(n: usize, shards: &[i16]) -> Job {
        let put = |shard: &i16| Put {
            key: CellKey { shard: Shard(shard.unsigned_abs()), name: n.to_string().into() },
            version: None,
            value: Some(Bytes::new()),
        };
        let name = Name("test".into());
        let changes =
            shelf::parts(shards.iter().map(put).collect(), &name).expect("they are small").remove(0);
        job(Work::One(Item::Cells(changes), Reply::Cells(oneshot::channel().0)))
    }

    /// The number that it was made with.
    fn number(job: &Job) -> usize {
        match &job.items()[0] {
            Item::Append(request) => usize::try_from(request.after).expect("it was one"),
            Item::Cells(changes) => changes[0].name.parse().expect("it was one"),
        }
    }

    fn numbers(transactions: &[Vec<Job>]) -> Vec<Vec<usize>> {
        transactions.iter().map(|jobs| jobs.iter().map(number).collect()).collect()
    }

    fn queue(jobs: impl IntoIterator<Item = Job>) -> Queue {
        let mut queue = Queue::default();
        jobs.into_iter().for_each(|job| queue.push(job));
        queue
    }

    #[test]
    fn few_are_written_together_and_a_shard_with_many_has_a_transaction_of_its_own() {
        let mut few = queue((0..OWN_MIN).map(|n| one(n, (if n == 0 { 1 } else { 2 }, n))));
        assert_eq!(numbers(&few.next(4)), [(0..OWN_MIN).collect::<Vec<_>>()]);
        // One more of shard 2.
        let mut many = queue((0..=OWN_MIN).map(|n| one(n, (if n == 0 { 1 } else { 2 }, n))));
        assert_eq!(numbers(&many.next(4)), [vec![0], (1..=OWN_MIN).collect()]);
    }

    #[test]
    fn who_came_first_is_first_when_not_all_have_their_turn() {
        let many = |shard: i16| (0..OWN_MIN).map(move |n| one(n, (shard, n)));
        let mut queue = queue(std::iter::once(one(99, (3, 0))).chain(many(1)).chain(many(2)));
        let first = queue.next(1);
        assert_eq!(numbers(&first), [[99]]);
        let shards = |transactions: &[Vec<Job>]| transactions[0][0].shard();
        assert_eq!(shards(&queue.next(1)), Some(1));
        assert_eq!(shards(&queue.next(1)), Some(2));
        assert!(!queue.is_ready() && queue.len() == 0);
    }

    #[test]
    fn what_waits_for_two_shards_is_not_overtaken_for_ever() {
        let mut queue = queue([one(0, (1, 0)), cells(1, &[1, 2]), one(2, (2, 0))]);
        queue.busy.insert(1);
        assert!(!queue.is_ready(), "the cells have shard 2, though they wait for 1");
        queue.end(&[1]);
        assert_eq!(numbers(&queue.next(4)), [[0, 1, 2]]);
    }

    #[test]
    fn a_stream_has_one_append_in_a_transaction_and_what_is_whole_has_one_to_itself() {
        let twice = [(2, 0), (2, 0)];
        let mut queue =
            queue([one(0, (1, 0)), one(1, (1, 0)), whole(2, &twice), one(3, (2, 0)), one(4, (3, 0))]);
        assert_eq!(numbers(&queue.next(4)), [[0, 4]]);
        queue.end(&[1, 3]);
        assert_eq!(numbers(&queue.next(4)), [[1]]);
        queue.end(&[1]);
        assert_eq!(numbers(&queue.next(4)), [[2]]);
        queue.end(&[2]);
        assert_eq!(numbers(&queue.next(4)), [[3]]);
    }

    #[derive(Clone, Debug)]
    enum Act {
        One((i16, usize)),
        Whole(Vec<(i16, usize)>),
        Cells(Vec<i16>),
        Next(usize),
        End(prop::sample::Index),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let stream = || (0..4_i16, 0..12_usize);
        let act = prop_oneof![
            12 => stream().prop_map(Act::One),
            1 => prop::collection::vec(stream(), 1..4).prop_map(Act::Whole),
            1 => prop::collection::vec(0..4_i16, 1..3).prop_map(Act::Cells),
            2 => (1..4_usize).prop_map(Act::Next),
            2 => any::<prop::sample::Index>().prop_map(Act::End),
        ];
        prop::collection::vec(act, 1..150)
    }

    /// What has happened, and what has to hold of it.
    #[derive(Default)]
    struct Seen {
        asked: BTreeMap<usize, Things>,
        begun: Vec<usize>,
        under_way: Vec<Vec<i16>>,
    }

    impl Seen {
        fn begin(&mut self, queue: &mut Queue, transactions_max: usize) {
            let ready = queue.is_ready();
            let transactions = queue.next(transactions_max);
            assert_eq!(ready, !transactions.is_empty());
            assert!(transactions.len() <= transactions_max);
            for jobs in transactions {
                let streams: Vec<_> = jobs.iter().flat_map(Job::streams).collect();
                let single = jobs.len() == 1 || streams.iter().collect::<HashSet<_>>().len() == streams.len();
                assert!(single, "a stream twice");
                assert!(jobs.len() == 1 || !jobs.iter().any(Job::is_whole), "what is whole is alone");
                let shards: Vec<i16> = jobs.iter().flat_map(Job::shards).collect();
                assert!(
                    self.under_way.iter().flatten().all(|shard| !shards.contains(shard)),
                    "a shard twice"
                );
                self.under_way.push(shards);
                for job in &jobs {
                    let number = number(job);
                    let things = &self.asked[&number];
                    let before =
                        self.asked.range(..number).filter(|(before, _)| !self.begun.contains(before));
                    let overtaken = before.filter(|(_, other)| other.iter().any(|it| things.contains(it)));
                    assert_eq!(overtaken.map(|(before, _)| *before).next(), None, "overtaken by {number}");
                    self.begun.push(number);
                }
            }
        }

        fn end(&mut self, queue: &mut Queue, place: usize) {
            queue.end(&self.under_way.swap_remove(place));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_overtaken_and_no_shard_is_written_twice_at_once(acts in acts()) {
            let (mut queue, mut seen) = (Queue::default(), Seen::default());
            for (n, act) in acts.into_iter().enumerate() {
                let stream = |(shard, instance): (i16, usize)| (shard, Some(instance));
                let (job, things): (Job, Things) = match act {
                    Act::One(it) => (one(n, it), vec![stream(it)]),
                    Act::Whole(all) => (whole(n, &all), all.into_iter().map(stream).collect()),
                    Act::Cells(all) => (cells(n, &all), all.into_iter().map(|shard| (shard, None)).collect()),
                    Act::Next(most) => {
                        seen.begin(&mut queue, most);
                        continue;
                    }
                    Act::End(place) => {
                        if !seen.under_way.is_empty() {
                            let place = place.index(seen.under_way.len());
                            seen.end(&mut queue, place);
                        }
                        continue;
                    }
                };
                queue.push(job);
                seen.asked.insert(n, things);
            }
            while queue.len() > 0 || !seen.under_way.is_empty() {
                seen.begin(&mut queue, 2);
                if !seen.under_way.is_empty() {
                    seen.end(&mut queue, 0);
                }
            }
            let mut begun = seen.begun;
            begun.sort_unstable();
            prop_assert_eq!(begun, seen.asked.into_keys().collect::<Vec<_>>());
        }
    }
}
