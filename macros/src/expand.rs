//! The driver: parse, model, check, emit. Every phase returns a value with holes, so that one mistake costs
//! no more than itself; the types are emitted whatever was found.

use crate::diagnostics::Diagnostics;
use crate::{asker, check, emit, model, parse};
use bumpalo::Bump;
use proc_macro2::TokenStream;

pub(crate) fn state_machine(input: TokenStream) -> TokenStream {
    let diagnostics = &mut Diagnostics::new();
    let Some(machine) = parse::parse_machine(diagnostics, input) else {
        return diagnostics.take();
    };
    let echoes = asker::is_editor().then(|| emit::emit_echoes(&machine));
    let model = model::lower_machine(diagnostics, machine);
    let arena = Bump::new();
    let definition = model::define(&arena, &model);
    if diagnostics.is_empty() {
        check::check_machine(diagnostics, &model, &definition);
    }
    emit::write_on_request(diagnostics, &model, &definition);
    let code = emit::emit_machine(&model, &definition, diagnostics.is_empty());
    print_on_request(&model.name.to_string(), &code);
    let errors = diagnostics.take();
    quote::quote!(#echoes #errors #code)
}

/// `STATEWRIGHT_EXPAND=Order cargo check` prints the formatted expansion of `Order`.
fn print_on_request(machine: &str, code: &TokenStream) {
    if std::env::var("STATEWRIGHT_EXPAND").is_ok_and(|wanted| wanted == machine) {
        let text =
            syn::parse2(code.clone()).map_or_else(|_| code.to_string(), |file| prettyplease::unparse(&file));
        eprintln!("{text}");
    }
}

#[cfg(test)]
mod tests;
