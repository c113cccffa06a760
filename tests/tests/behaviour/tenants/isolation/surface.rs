//! The public methods of the runtime, read from its sources; and which of them a function of this test calls.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

/// Where methods are that lead to what tenants have.
const SOURCES: [&str; 10] = [
    "effect.rs",
    "history.rs",
    "history",
    "host.rs",
    "host",
    "repository.rs",
    "store.rs",
    "subscription.rs",
    "subscription",
    "tenant",
];

/// `Type::method` of every public method of a type, and of every method of the trait `Store`.
pub(super) fn public_methods() -> BTreeSet<String> {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
    let mut surface = Surface::default();
    for source in SOURCES {
        for file in files(&runtime.join(source)) {
            surface.visit_file(&parsed(&file));
        }
    }
    surface.0
}

/// Names of the functions and methods that a function of a file calls, itself or by way of others of the file.
pub(super) fn calls(file: &Path, function: &str) -> BTreeSet<String> {
    let file = parsed(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    let (mut calls, mut ahead) = (Calls::default(), vec![function.to_owned()]);
    while let Some(function) = ahead.pop() {
        let is_it = |item: &&syn::Item| matches!(item, syn::Item::Fn(found) if found.sig.ident == function);
        let before = calls.0.clone();
        file.items.iter().filter(is_it).for_each(|item| calls.visit_item(item));
        ahead.extend(calls.0.difference(&before).cloned());
    }
    calls.0
}

fn parsed(file: &Path) -> syn::File {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.flat_map(|entry| files(&entry.expect("it reads").path())).collect()
}

#[derive(Default)]
struct Surface(BTreeSet<String>);

impl<'a> Visit<'a> for Surface {
    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let syn::Type::Path(of) = &*item.self_ty else { return };
        let Some(name) = of.path.segments.last().filter(|_| item.trait_.is_none()) else { return };
        for item in &item.items {
            if let syn::ImplItem::Fn(method) = item
                && matches!(method.vis, syn::Visibility::Public(_))
            {
                self.0.insert(format!("{}::{}", name.ident, method.sig.ident));
            }
        }
    }

    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        for method in item.items.iter().filter(|_| item.ident == "Store") {
            if let syn::TraitItem::Fn(method) = method {
                self.0.insert(format!("Store::{}", method.sig.ident));
            }
        }
    }
}

#[derive(Default)]
struct Calls(BTreeSet<String>);

impl<'a> Visit<'a> for Calls {
    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.0.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    /// Of a macro like `assert_eq!`, what it asserts.
    fn visit_macro(&mut self, called: &'a syn::Macro) {
        let inside = called.parse_body_with(Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated);
        for expression in inside.unwrap_or_default() {
            let mut calls = Calls::default();
            calls.visit_expr(&expression);
            self.0.append(&mut calls.0);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.0.extend(path.segments.last().map(|last| last.ident.to_string()));
        visit::visit_path(self, path);
    }
}
