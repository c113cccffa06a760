//! One instance, record by record: what today's code makes of it.

use super::{Decided, Finding, Today, Verdict};
use crate::definition::explore::Leads;
use crate::definition::{ArmId, TriggerId};
use crate::error::{LoadError, chain};
use crate::event::UpcastContext;
use crate::explain::Rejection;
use crate::instance::{Instance, Step};
use crate::machine::{Machine, MachineEvent, MachineTrigger, active};
use crate::personal::copied;
use crate::repository::{Loaded, Repository, read_state};
use crate::store::{Kind, Payload, Record, Revision, StoreError, StreamId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Records that are read at once.
const PAGE_MAX: usize = 256;

/// Replays an instance to its end. `None`: it was deleted, and nobody loads it any more.
pub(super) async fn run<M: Machine>(
    repository: Arc<Repository<M>>,
    stream: StreamId,
) -> Result<Option<Finding>, StoreError> {
    let mut trial = Trial { repository: &*repository, loaded: repository.fresh(&stream), found: None };
    loop {
        let after = trial.loaded.revision();
        let (records, head) = repository.store.read(&stream, after, PAGE_MAX).await?;
        let mut seals = repository.seals_of_page(&records).await?;
        for record in &records {
            if matches!(record.step.kind, Kind::Deleted | Kind::Erased) {
                return Ok(None);
            }
            if let Some(verdict) = seals.enter(|| trial.record(record)) {
                let last = Revision(head.revision.0.saturating_sub(1));
                let (end, _) = repository.store.read(&stream, last, 1).await?;
                let deleted = end.iter().any(|record| record.step.kind == Kind::Deleted);
                let finding = Finding { stream, revision: record.revision, verdict };
                return Ok((!deleted).then_some(finding));
            }
        }
        if records.is_empty() || trial.loaded.revision() >= head.revision {
            let revision = trial.loaded.revision();
            let (revision, verdict) = trial.found.unwrap_or((revision, Verdict::Same));
            return Ok(Some(Finding { stream, revision, verdict }));
        }
        // A store that answers at once must not keep the thread from others.
        tokio::task::yield_now().await;
    }
}

struct Trial<'a, M: Machine> {
    repository: &'a Repository<M>,
    loaded: Loaded<M>,
    /// The first step that is decided differently. That the instance cannot be loaded outweighs it.
    found: Option<(Revision, Verdict)>,
}

impl<M: Machine> Trial<'_, M> {
    /// Decides a record again and takes it over. A verdict ends the trial: nothing behind it can be read.
    fn record(&mut self, record: &Record) -> Option<Verdict> {
        if self.found.is_none() && record.step.kind == Kind::Step {
            self.found = self.judge(record).map(|verdict| (record.revision, verdict));
        }
        let stream = &record.stream;
        let mut place = UpcastContext::new(&stream.tenant, &stream.machine, &stream.instance)
            .at(record.revision.0, record.step.at);
        let error = self.loaded.apply(record, &mut place).err()?;
        let why = chain(&error);
        Some(match error {
            LoadError::UnknownState { state, .. } => Verdict::StateGone { state, why },
            _ => Verdict::Undecodable { why },
        })
    }

    /// `None`: the same as recorded, as far as can be told.
    fn judge(&self, record: &Record) -> Option<Verdict> {
        let step = &record.step;
        if step.body.unasked {
            return None;
        }
        // A state that is gone is found when the record is taken over.
        let to = read_state::<M>(&step.to).ok()?;
        let today = match self.asked(record) {
            Asked::Beginning => self.decide(record, Instance::begin),
            Asked::Bare(trigger) => self.decide(record, |instance| instance.decide(trigger)),
            Asked::Timer(timer) => self.decide(record, |instance| instance.run_timer(timer)),
            Asked::Payload(trigger) => self.possible(trigger, to),
            Asked::Unnamed => None,
            Asked::Unknown(why) => Some(Answer::Not(why)),
        };
        let recorded = Decided {
            to: to.to_string(),
            events: step.body.events.iter().map(|event| event.name.to_string()).collect(),
        };
        let (trigger, from) = (step.trigger.to_string(), self.loaded.instance.state().to_string());
        match today? {
            Answer::Not(why) => Some(Verdict::NotAccepted { trigger, from, why }),
            Answer::Today(Today::Decided(today)) if today == recorded => None,
            Answer::Today(today) => Some(Verdict::OtherTarget { trigger, from, recorded, today }),
        }
    }

    fn asked(&self, record: &Record) -> Asked<M> {
        let name = &*record.step.trigger;
        if name.is_empty() {
            // Who drives instances by hand need not name what was asked.
            return if self.loaded.instance.has_begun() { Asked::Unnamed } else { Asked::Beginning };
        }
        if name.contains('#') {
            let timer = M::DEFINITION.find_timer(name);
            let timer = timer.filter(|timer| self.loaded.instance.timers().any(|set| set.arm == *timer));
            return timer.map_or_else(|| Asked::Unknown(format!("timer `{name}` is not set")), Asked::Timer);
        }
        let mut triggers = (0..).map(TriggerId).zip(M::DEFINITION.triggers);
        match triggers.find(|(_, def)| def.name == name) {
            Some((id, _)) => M::Trigger::bare(id).map_or(Asked::Payload(id), Asked::Bare),
            None => Asked::Unknown(format!("the machine has no trigger `{name}`")),
        }
    }

    /// Decides for real, on a copy, at the recorded time. `None`: the data cannot be copied.
    fn decide(
        &self,
        record: &Record,
        run: impl FnOnce(&mut Instance<M>) -> Result<Step<M>, Rejection>,
    ) -> Option<Answer> {
        let mut copy = self.copy(&record.stream)?;
        copy.cx_mut().prepare(Some(record.step.at), record.step.body.envelope.actor.clone());
        // The copy is thrown away, so nobody sees it half-way.
        let today = match catch_unwind(AssertUnwindSafe(|| run(&mut copy))) {
            Ok(Ok(step)) if step.ignored => Today::Ignored,
            Ok(Ok(step)) => Today::Decided(Decided {
                to: step.to.to_string(),
                events: step.events.iter().map(|event| event.name().to_owned()).collect(),
            }),
            Ok(Err(rejection)) => return Some(Answer::Not(rejection.to_string())),
            Err(_) => Today::Panicked,
        };
        Some(Answer::Today(today))
    }

    fn copy(&self, stream: &StreamId) -> Option<Instance<M>> {
        let (instance, cx) = (&self.loaded.instance, self.repository.cx(stream));
        if !instance.has_begun() {
            return Some(Instance::with(cx));
        }
        // What a snapshot would hold.
        let data = M::keep(instance.data())
            .or_else(|| copied(|| Payload::of(instance.data()).ok()?.decode().ok()))?;
        let mut copy = Instance::restore(instance.state(), data, cx);
        copy.ledger_mut().clone_from(instance.ledger());
        Some(copy)
    }

    /// Asks the graph. `None`: it can lead there.
    fn possible(&self, trigger: TriggerId, to: M::State) -> Option<Answer> {
        let instance = &self.loaded.instance;
        let configuration = active::<M>(instance.state());
        let from = instance.has_begun().then_some((&configuration, &instance.ledger().memory));
        let Leads { rests, ignored, complete, .. } = M::DEFINITION.leads(from, trigger);
        if !complete || rests.contains(&active::<M>(to)) {
            return None;
        }
        let texts: Vec<_> = rests.iter().map(|rest| rest.text(M::DEFINITION)).collect();
        Some(match (texts.is_empty(), ignored) {
            (false, _) => Answer::Today(Today::Possible(texts)),
            (true, true) => Answer::Today(Today::Ignored),
            (true, false) => Answer::Not("no arm takes it".to_owned()),
        })
    }
}

/// What a record's trigger is today.
enum Asked<M: Machine> {
    /// None: the instance begins.
    Beginning,
    /// It was not recorded.
    Unnamed,
    Bare(M::Trigger),
    Payload(TriggerId),
    Timer(ArmId),
    Unknown(String),
}

/// What comes of it today.
enum Answer {
    Today(Today),
    Not(String),
}
