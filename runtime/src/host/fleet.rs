//! The hosts of a machine on one store share its shards: every duty of a shard is done by one of them.
//!
//! No host talks to another, and there is no ring. A host keeps a cell that says that it lives, and a lease for every
//! shard and duty that it has. Who is to have a shard all hosts work out from the living ones; another takes it only when
//! that one did not within a lease time. A host that is to give a shard up ends its work first.

pub(crate) mod members;

use super::Inner;
use super::duty::{Duty, Ending, Post};
use crate::lease::{Claim, Eagerness, Lease, holder, process};
use crate::machine::Machine;
use crate::store::{Cell, CellKey, Put, Shard, StoreError, StreamId};
use bytes::Bytes;
use members::{Members, Moment, Sign};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Hosts of one machine that are looked at.
const HOSTS_MAX: usize = 1_024;

/// The least time between two turns, however short a lease is.
const RENEW_MIN: Duration = Duration::from_millis(1);

/// Where the cells of hosts stand.
const HOSTS: Shard = Shard(0);

/// A host among the others.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// This host, among all that ever were.
    pub(crate) id: Arc<str>,
}

/// Takes what is free and goes on until the host closes.
pub(super) async fn start<M: Machine>(inner: &Arc<Inner<M>>, duties: Vec<Duty>) {
    let mut keeper = Keeper::new(inner, duties);
    // What is free is held when the host is built.
    keeper.turn().await;
    let background = Arc::clone(&inner.background);
    background.enter();
    let task = inner.pulse.task("leases");
    tokio::spawn(async move {
        keeper.run().await;
        task.done();
        // Whoever waits for the end may open the store again: nothing may hold it any more.
        drop(keeper);
        background.leave();
    });
}

/// Who holds a stream's shard, as the cell says.
pub(super) async fn owner<M: Machine>(
    inner: &Inner<M>,
    stream: &StreamId,
) -> Result<Option<Arc<str>>, StoreError> {
    let store = &inner.repository.store;
    let duty = if M::DEFINITION.has_timers() { TIMERS } else { EFFECTS };
    let name = format!("lease/{}", lease_name::<M>(duty)).into();
    let key = CellKey { shard: store.shard(stream), name };
    Ok(store.get(&[key]).await?.first().and_then(holder))
}

fn lease_name<M: Machine>(duty: &str) -> String {
    format!("{duty}/{}", M::DEFINITION.machine)
}

/// Wakes instances whose timers are due.
pub(super) const TIMERS: &str = "timers";

/// Does what the steps have asked for.
pub(super) const EFFECTS: &str = "effects";

struct Keeper<M: Machine> {
    inner: Arc<Inner<M>>,
    duties: Vec<Duty>,
    posts: Vec<Post>,
    members: Members,
    /// Work has ended.
    ended: Arc<Notify>,
    closing: bool,
}

impl<M: Machine> Keeper<M> {
    fn new(inner: &Arc<Inner<M>>, duties: Vec<Duty>) -> Self {
        let (store, time) = (&inner.repository.store, inner.options.lease);
        let claim = Claim { holder: Arc::clone(&inner.fleet.id), time };
        let post = |(duty, shard)| {
            let name = duties.get(duty).map(|duty: &Duty| lease_name::<M>(duty.name)).unwrap_or_default();
            Post::new(duty, shard, Lease::new(&**store, (shard, &name), claim.clone()))
        };
        let shards = || (0..store.limits().shards).map(Shard);
        let posts = (0..duties.len()).flat_map(|duty| shards().map(move |shard| (duty, shard))).map(post);
        let posts = posts.collect();
        let names = duties.iter().map(|duty| duty.name.into()).collect();
        let members = Members::new(Arc::clone(&inner.fleet.id), names, (time, store.limits().exclusive));
        Self { inner: Arc::clone(inner), duties, posts, members, ended: Arc::default(), closing: false }
    }

    /// Until the host closes and all its work has ended.
    async fn run(&mut self) {
        let mut closing = self.inner.closing.subscribe();
        loop {
            let renew = self.inner.options.lease.mul_f64(0.3).max(RENEW_MIN);
            tokio::select! {
                _ = closing.wait_for(|closing| *closing), if !self.closing => {
                    self.closing = true;
                    self.posts.iter().for_each(Post::leave);
                }
                () = self.ended.notified() => {}
                () = self.inner.repository.clock.sleep(renew) => {}
            }
            self.turn().await;
            if self.closing && !self.posts.iter().any(Post::is_at_work) {
                return self.sign_off().await;
            }
        }
    }

    /// Renews, takes and gives back. What the store does not do is tried again in the next turn.
    async fn turn(&mut self) {
        let (observer, began) = (Arc::clone(&self.inner.observer), self.inner.observer.start());
        let turned = self.try_turn().await;
        observer.renewed(began, turned.is_ok());
        self.inner.pulse.store(turned.as_ref().err());
        if turned.is_ok() {
            self.inner.pulse.renewed();
        }
        self.tell_held();
        if let Err(error) = turned {
            tracing::warn!(machine = M::DEFINITION.machine, %error, "leases were not renewed");
        }
    }

    /// How many shards it has, duty by duty.
    fn tell_held(&self) {
        for (place, duty) in self.duties.iter().enumerate() {
            let held = self.posts.iter().filter(|post| post.duty == place && post.is_at_work()).count();
            self.inner.observer.leases(duty.name, held);
        }
    }

    async fn try_turn(&mut self) -> Result<(), StoreError> {
        let clock = &self.inner.repository.clock;
        let moment = Moment { now: clock.now(), monotonic: clock.monotonic() };
        let store = Arc::clone(&self.inner.repository.store);
        let keys: Vec<_> = self.posts.iter().map(|post| post.lease.key().clone()).collect();
        let leases = store.get(&keys).await?;
        let hosts = store.list(HOSTS, &Self::host_name(""), None, HOSTS_MAX).await?;
        let dead = self.meet(&hosts, moment);
        let mut puts = vec![self.sign(moment)];
        puts.extend(dead.into_iter().map(|cell| Put {
            key: cell.key,
            version: Some(cell.version),
            value: None,
        }));
        let (mut places, mut held) = (Vec::new(), Vec::new());
        for (place, post) in self.posts.iter_mut().enumerate() {
            let cell = leases.iter().find(|cell| cell.key == *post.lease.key());
            let name = self.duties.get(post.duty).map_or("", |duty| duty.name);
            let preferred = self.members.is_preferred(name, post.shard);
            let (wish, ending) = ask(post, cell, (moment.monotonic, preferred), self.closing);
            if let Some(ending) = ending {
                self.inner.observer.work_ended(name, post.shard, ending);
                if ending == Ending::Panicked {
                    self.inner.pulse.panicked(name, post.shard);
                }
            }
            match wish {
                Some(Wish::Hold(put)) => {
                    places.push(place);
                    held.push(put);
                }
                Some(Wish::GiveBack(put)) => puts.push(put),
                None => {}
            }
        }
        let others = puts.len();
        puts.extend(held);
        let versions = store.put(puts).await?;
        for (place, version) in places.into_iter().zip(versions.into_iter().skip(others)) {
            self.settle(place, version, moment.monotonic);
        }
        Ok(())
    }

    /// Takes in who lives. The cells of those that are dead for long.
    fn meet(&mut self, hosts: &[Cell], moment: Moment) -> Vec<Cell> {
        let prefix = Self::host_name("");
        let id = |cell: &Cell| cell.key.name.strip_prefix(&prefix).map(Arc::from);
        let cells: Vec<_> = hosts.iter().filter_map(|cell| Some((id(cell)?, cell))).collect();
        let dead = self.members.see(&cells, moment);
        let live = self.members.live();
        self.inner.limits.set_hosts(live);
        self.inner.observer.hosts(live);
        self.inner.observer.skew(self.members.skew());
        dead
    }

    /// The lease was written, or somebody was faster.
    fn settle(&mut self, place: usize, version: Option<u64>, asked: Duration) {
        let Some(post) = self.posts.get_mut(place) else { return };
        let Some(duty) = self.duties.get(post.duty) else { return };
        let Some(epoch) = post.lease.wrote(version, asked) else {
            if let Some(ending) = post.lose() {
                self.inner.observer.work_ended(duty.name, post.shard, ending);
            }
            return;
        };
        let (run, ended) = (Arc::clone(&duty.run), Arc::clone(&self.ended));
        let clock = Arc::clone(&self.inner.repository.clock);
        let (observer, name) = (&self.inner.observer, duty.name);
        post.held(epoch, |tenure, span| {
            observer.taken_over(name, tenure.shard);
            let work = run(tenure);
            tokio::spawn(async move { span.work(&*clock, work, &ended).await });
        });
    }

    /// Says that this host lives.
    fn sign(&self, moment: Moment) -> Put {
        let duties = self.duties.iter().map(|duty| duty.name.into()).collect();
        let sign = Sign { process: process(), duties, at: moment.now.as_microsecond() };
        let value = Bytes::from(serde_json::to_vec(&sign).unwrap_or_default());
        let name = Self::host_name(&self.inner.fleet.id).into();
        Put { key: CellKey { shard: HOSTS, name }, version: None, value: Some(value) }
    }

    /// Others need not wait for what this host has held.
    async fn sign_off(&mut self) {
        let name = Self::host_name(&self.inner.fleet.id).into();
        let own = Put { key: CellKey { shard: HOSTS, name }, version: None, value: None };
        let mut puts: Vec<_> = self.posts.iter_mut().filter_map(|post| post.lease.give_back()).collect();
        puts.push(own);
        if let Err(error) = self.inner.repository.store.put(puts).await {
            tracing::warn!(machine = M::DEFINITION.machine, %error, "leases were not given back; others wait for their end");
        }
    }

    fn host_name(id: &str) -> String {
        format!("host/{}/{id}", M::DEFINITION.machine)
    }
}

/// What to write for a post.
enum Wish {
    Hold(Put),
    GiveBack(Put),
}

fn ask(
    post: &mut Post,
    cell: Option<&Cell>,
    turn: (Duration, bool),
    closing: bool,
) -> (Option<Wish>, Option<Ending>) {
    let (now, preferred) = turn;
    let ending = post.take_ended();
    // Work that ended without being asked to, as when the lease was over for a moment, begins anew.
    if ending.is_some() && !preferred || (closing && !post.is_at_work()) {
        return (post.lease.give_back().map(Wish::GiveBack), ending);
    }
    if !preferred {
        // The one that is to have it takes it in the same write in which it says that it lives.
        post.leave();
    }
    let eagerness = if preferred { Eagerness::First } else { Eagerness::Second };
    let put = post.lease.look(cell, now, eagerness).map(Wish::Hold);
    let ending = ending.or_else(|| put.is_none().then(|| post.lose()).flatten());
    (put, ending)
}
