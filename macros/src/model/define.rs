//! The model as a [`Definition`]: the same that generated code holds as a static.

use super::{Arm, Model, Node, On, Target};
use crate::parse::{Action, ActionKind, Unhandled, source_text};
use bumpalo::Bump;
use quote::ToTokens;
use statewright_definition::{
    ActionDef, ArmDef, ArmId, DataDef, Definition, EffectDef, EventDef, LimitDef, Location, MigrationDef,
    NodeDef, NodeId, On as OnDef, RetiredDef, TargetDef, TriggerDef, TriggerId, Unhandled as UnhandledDef,
};
use syn::ext::IdentExt;

/// Builds the definition in an arena. Total: what is absent from the model is absent there.
pub(crate) fn define<'a>(arena: &'a Bump, model: &'a Model) -> Definition<'a> {
    let builder = Builder { arena, model };
    let own =
        |source| builder.ids(model.arms().filter(move |(_, arm)| arm.source == source).map(|(id, _)| id));
    let mut arms: Vec<Vec<ArmId>> = vec![Vec::new(); model.nodes.len()];
    for (id, arm) in model.arms() {
        if let Some(source) = arm.source {
            arms[source.index()].push(id);
        }
    }
    let data = model.data.as_ref().map_or_else(|| "()".to_owned(), |ty| ty.to_token_stream().to_string());
    let nodes = model.nodes.iter().zip(arms).map(|(node, arms)| builder.node(node, arms));
    Definition {
        machine: builder.text(&model.name.unraw()),
        version: model.version,
        doc: &model.attrs.doc,
        data: DataDef { type_name: builder.text(&data.replace(' ', "")), version: model.data_version },
        initial: model.initial.unwrap_or(NodeId(0)),
        unhandled: match model.unhandled {
            Unhandled::Reject => UnhandledDef::Reject,
            Unhandled::Ignore => UnhandledDef::Ignore,
        },
        nodes: builder.ids(nodes),
        triggers: builder.ids(model.triggers.iter().map(|trigger| TriggerDef {
            name: builder.text(&trigger.named.variant.ident.unraw()),
            doc: &trigger.named.attrs.doc,
            internal: trigger.internal,
        })),
        // The name under which an event is recorded is known to rustc only.
        events: builder.ids(
            model
                .events
                .iter()
                .map(|event| EventDef { name: builder.text(&event.ident.unraw()), version: 1 }),
        ),
        retired: builder.ids(model.retired.iter().map(|retired| RetiredDef {
            name: builder.text(&retired.name.value()),
            split: retired.split.as_ref().map(|path| builder.text(&source_text(path.to_token_stream()))),
        })),
        effects: builder.ids(model.effects.iter().map(|effect| EffectDef {
            name: builder.text(&effect.named.variant.ident.unraw()),
            doc: &effect.named.attrs.doc,
            unordered: effect.unordered,
        })),
        arms: builder.ids(model.arms.iter().map(|arm| builder.arm(arm))),
        own: own(None),
        limits: builder.ids(model.limits.iter().map(|limit| LimitDef {
            count: limit.count,
            period_ns: limit.period_ns,
            burst: limit.burst,
            triggers: &limit.triggers,
            scope: limit.scope,
        })),
        migrations: builder.ids(
            model
                .migrations
                .iter()
                .map(|(from, to)| MigrationDef { from: builder.text(&from.unraw()), to: *to }),
        ),
        proofs: builder.ids(model.proofs.iter().map(|proof| proof.text.as_str())),
    }
}

struct Builder<'a> {
    arena: &'a Bump,
    model: &'a Model,
}

impl<'a> Builder<'a> {
    fn ids<T: Copy>(&self, items: impl Iterator<Item = T>) -> &'a [T] {
        let items: Vec<T> = items.collect();
        self.arena.alloc_slice_copy(&items)
    }

    fn text(&self, text: &impl ToString) -> &'a str {
        self.arena.alloc_str(&text.to_string())
    }

    fn node(&self, node: &'a Node, arms: Vec<ArmId>) -> NodeDef<'a> {
        NodeDef {
            name: self.text(&node.name.unraw()),
            kind: node.kind,
            parent: node.parent,
            last: node.last,
            initial: &node.initial,
            arms: self.ids(arms.into_iter()),
            entry: self.actions(&node.entry),
            exit: self.actions(&node.exit),
            doc: &node.attrs.doc,
            location: location(&node.name),
        }
    }

    fn arm(&self, arm: &'a Arm) -> ArmDef<'a> {
        let on = match &arm.on {
            On::Trigger(matched) => OnDef::Trigger { pattern: &matched.text, triggers: &matched.triggers },
            On::Always => OnDef::Always,
            On::Done => OnDef::Done,
            On::After(duration) => OnDef::After(&duration.text),
            On::Every(duration) => OnDef::Every(&duration.text),
        };
        let target = match &arm.target {
            Target::To(nodes) => TargetDef::To(self.ids(nodes.iter().map(|(id, _)| *id))),
            Target::Internal(id) => TargetDef::Internal(*id),
            Target::Stay => TargetDef::Stay,
            Target::Reject(_, text) => TargetDef::Reject(text),
            Target::Ignore => TargetDef::Ignore,
        };
        ArmDef {
            source: arm.source,
            on,
            guard: arm.guard.as_ref().map(|(_, text)| text.as_str()),
            whole: arm.is_whole(),
            target,
            actions: self.actions(&arm.actions),
            doc: &arm.attrs.doc,
            location: location(&arm.keyword),
        }
    }

    fn actions(&self, actions: &'a [Action]) -> &'a [ActionDef<'a>] {
        self.ids(actions.iter().map(|action| match action.kind {
            ActionKind::Emit => ActionDef::Emit(&action.text),
            ActionKind::Do => ActionDef::Do(&action.text),
            ActionKind::Raise => ActionDef::Raise(self.raised(action), &action.text),
        }))
    }

    /// Lowering has left only actions that name a trigger.
    fn raised(&self, action: &Action) -> TriggerId {
        let name = super::lower::literal_name(&action.expr);
        name.and_then(|name| self.model.find_trigger(&name)).unwrap_or(TriggerId(0))
    }
}

/// The file is rustc's to say.
fn location(at: &proc_macro2::Ident) -> Location<'static> {
    Location { file: "", line: u32::try_from(at.span().start().line).unwrap_or_default() }
}
