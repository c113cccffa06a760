//! `unproven`: a line of `prove` that does not hold, with the shortest run that breaks it.

use super::Runs;
use crate::diagnostics::{Diagnostics, UNPROVEN};
use crate::model::{Claim, NodeId, Proof, TriggerId};
use statewright_definition::chart::Arms;
use statewright_definition::explore::outcomes;

pub(crate) fn check(diagnostics: &mut Diagnostics, runs: &Runs<'_>) {
    for proof in &runs.model.proofs {
        if let Some(wrong) = broken(runs, proof) {
            let help = "change the graph so that it holds, or leave the claim out".to_owned();
            diagnostics.broken(UNPROVEN, &proof.tokens, (wrong, help));
        }
    }
}

/// What is wrong with a claim.
fn broken(runs: &Runs<'_>, proof: &Proof) -> Option<String> {
    let text = &proof.text;
    if !runs.graph.complete {
        return Some(format!(
            "`{text}` cannot be decided: the machine has too many configurations to look at each"
        ));
    }
    let name = |id: NodeId| &runs.model.node(id).name;
    match &proof.claim {
        Claim::Requires(goal, first) => {
            let run = runs.run([0], |at| runs.is_in(at, *goal), |at| runs.is_in(at, *first))?;
            Some(format!("`{text}` does not hold: `{run}` gets there without `{}`", name(*first)))
        }
        Claim::Never(from, to) => {
            let run = runs.run_through(*from, *to)?;
            Some(format!("`{text}` does not hold: `{run}`"))
        }
        Claim::Reaches(from, to) => {
            let saved = runs.graph.leading_to(|at| runs.is_in(at, *to));
            let run =
                runs.run([0], |at| runs.graph.rests[at] && runs.is_in(at, *from) && !saved[at], |_| false)?;
            Some(format!("`{text}` does not hold: after `{run}` no run reaches `{}`", name(*to)))
        }
        Claim::AlwaysEnds => {
            let is_end = |at: usize| runs.graph.places[at].configuration.is_end(runs.definition);
            let saved = runs.graph.leading_to(is_end);
            let run = runs.run([0], |at| !saved[at], |_| false)?;
            Some(format!("`{text}` does not hold: after `{run}` no final state can be reached"))
        }
        Claim::Handled(triggers) => triggers.iter().find_map(|trigger| {
            let run = runs.run([0], |at| runs.is_unhandled(at, *trigger), |_| false)?;
            let name = &runs.model.triggers[trigger.index()].named.variant.ident;
            Some(format!("`{text}` does not hold: after `{run}` nothing need answer `{name}`"))
        }),
    }
}

impl Runs<'_> {
    fn is_in(&self, place: usize, node: NodeId) -> bool {
        self.graph.places[place].configuration.contains(node)
    }

    fn run<const N: usize>(
        &self,
        starts: [usize; N],
        goal: impl Fn(usize) -> bool,
        avoid: impl Fn(usize) -> bool,
    ) -> Option<String> {
        let run = self.graph.shortest(starts, goal, avoid)?;
        Some(self.graph.text(self.definition, &run))
    }

    /// The shortest run from the beginning by way of one node to another, at least one microstep later.
    fn run_through(&self, from: NodeId, to: NodeId) -> Option<String> {
        let graph = &self.graph;
        let to_leads = graph.leading_to(|at| self.is_in(at, to));
        let leads = |at: usize| self.is_in(at, from) && graph.ways(at).iter().any(|edge| to_leads[edge.to]);
        let mut first = graph.shortest([0], leads, |_| false)?;
        let passed = first.1.last().map_or(first.0, |edge| graph.edges[*edge].to);
        let ways = graph.ways(passed).iter().map(|edge| edge.to).filter(|at| to_leads[*at]);
        let second = graph.shortest(ways, |at| self.is_in(at, to), |_| false)?;
        let hop = graph.edges.iter().position(|edge| edge.from == passed && edge.to == second.0)?;
        first.1.push(hop);
        first.1.extend(second.1);
        Some(graph.text(self.definition, &first))
    }

    /// Whether a trigger need not be answered where the instance rests.
    fn is_unhandled(&self, place: usize, trigger: TriggerId) -> bool {
        let configuration = &self.graph.places[place].configuration;
        if !self.graph.rests[place] || configuration.is_end(self.definition) {
            return false;
        }
        let ways = outcomes(self.definition, configuration, &|arm| arm.triggers().contains(&trigger));
        ways.is_none_or(|ways| ways.iter().any(Arms::is_empty))
    }
}
