//! The user's expressions: actions, guards, reasons, time spans, each with `data`, `state` and `cx` in scope.

use super::{Emitter, door, own, scope};
use crate::model::{Arm, ArmId};
use crate::parse::{Action, ActionKind, Duration, DurationValue};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

/// ```text
/// let __event = { let (data, state, cx) = step.scope(); OrderPaid { cents } }; step.emit(__event);
/// ```
pub(super) fn emit_action(emitter: &Emitter<'_>, action: &Action) -> TokenStream {
    let (sw, step, scope) = (door(), own("step"), emit_scope(emitter));
    let (expr, span) = (&action.expr, action.expr.span());
    let value = quote!({ #scope #expr });
    match action.kind {
        ActionKind::Emit => {
            // Spanned to the expression, so that an event that is not listed is underlined there.
            quote_spanned!(span=> let __event = #value; ::statewright::__private::Pass::emit(#step, __event);)
        }
        ActionKind::Do => quote!(let __effect = #value; #sw::Pass::act(#step, __effect);),
        ActionKind::Raise => quote!(let __raised = #value; #sw::Pass::raise(#step, __raised);),
    }
}

/// Brings `data`, `state` and `cx` into the scope of the user's expressions.
pub(super) fn emit_scope(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, machine, step, [data, state, cx]) = (door(), &emitter.model.name, own("step"), scope());
    quote! {
        let (#data, #state, #cx) = #sw::Pass::<#machine>::scope(&*#step);
        let _ = (#data, #state, #cx);
    }
}

/// `GUARD || step.missed(ArmId(1))`
pub(super) fn emit_guard(arm: &Arm, id: ArmId) -> Option<TokenStream> {
    let (sw, step, this) = (door(), own("step"), arm_id(id));
    arm.guard.as_ref().map(|(guard, _)| quote!(#guard || #sw::Pass::missed(#step, #this)))
}

pub(super) fn emit_reason(reason: &Expr) -> TokenStream {
    quote_spanned!(reason.span()=> ::statewright::__private::reason(#reason))
}

/// Sets a timer.
pub(super) fn emit_schedule(emitter: &Emitter<'_>, timer: (ArmId, &Duration)) -> TokenStream {
    let (sw, step, this) = (door(), own("step"), arm_id(timer.0));
    let period = match &timer.1.value {
        DurationValue::Literal(_, nanos) => {
            let nanos = nanos.unwrap_or(u64::MAX);
            quote!(#sw::period(::core::time::Duration::from_nanos(#nanos)))
        }
        DurationValue::Expr(expr) => {
            let scope = emit_scope(emitter);
            quote_spanned!(expr.span()=> ::statewright::__private::period({ #scope #expr }))
        }
    };
    quote!(let __period = #period; #sw::Pass::schedule(#step, #this, __period);)
}

pub(super) fn arm_id(id: ArmId) -> TokenStream {
    let (sw, place) = (door(), id.0);
    quote!(#sw::ArmId(#place)).to_token_stream()
}
