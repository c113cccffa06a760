//! `limit_misuse`: a rate limit that lets nothing through, or whose numbers do not fit.

use crate::diagnostics::{Diagnostics, LIMIT_MISUSE};
use crate::parse::{DurationValue, Limit};
use syn::LitInt;

/// Count, period in nanoseconds, burst. `None`: reported.
pub(crate) fn read(diagnostics: &mut Diagnostics, limit: &Limit) -> Option<(u32, u64, u32)> {
    let count = number(diagnostics, &limit.count);
    let period = period(diagnostics, limit);
    let burst = limit.burst.as_ref().map(|burst| (burst, number(diagnostics, burst)));
    let count = count?;
    let burst = match burst {
        Some((at, Some(burst))) if burst < count => {
            let wrong = format!("a burst of {burst} is below the rate: {count} could never be reached");
            let help = format!("write `burst {count}` or more, or leave the burst out");
            diagnostics.broken(LIMIT_MISUSE, at, (wrong, help));
            return None;
        }
        Some((_, burst)) => burst?,
        None => count,
    };
    Some((count, period?, burst))
}

fn number(diagnostics: &mut Diagnostics, literal: &LitInt) -> Option<u32> {
    let (wrong, help) = match literal.base10_parse::<u32>() {
        Ok(0) => ("0 lets nothing through", "write a number from 1 on"),
        Ok(number) if literal.suffix().is_empty() => return Some(number),
        _ => ("this is not a number of triggers", "write a whole number up to 4,294,967,295"),
    };
    diagnostics.broken(LIMIT_MISUSE, literal, (wrong.to_owned(), help.to_owned()));
    None
}

fn period(diagnostics: &mut Diagnostics, limit: &Limit) -> Option<u64> {
    let help = "write the period out: `per 1s`".to_owned();
    let (wrong, at) = match &limit.period.value {
        DurationValue::Literal(_, Some(nanos)) if *nanos > 0 => return Some(*nanos),
        DurationValue::Literal(number, Some(_)) => ("a period of no time", number as &dyn quote::ToTokens),
        DurationValue::Literal(number, None) => {
            ("a period of more than 584 years", number as &dyn quote::ToTokens)
        }
        DurationValue::Expr(expr) => {
            ("a limit is part of the declaration: its period is not computed", expr as &dyn quote::ToTokens)
        }
    };
    diagnostics.broken(LIMIT_MISUSE, at, (wrong.to_owned(), help));
    None
}
