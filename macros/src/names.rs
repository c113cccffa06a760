//! Names that are made of others.

/// `SendMail` as a method or a field is called: `send_mail`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn methods_are_named_in_snake_case() {
        for (variant, method) in
            [("Charge", "charge"), ("SendMail", "send_mail"), ("HTTPCall", "httpcall"), ("A2B", "a2b")]
        {
            assert_eq!(snake_case(variant), method);
        }
    }
}
