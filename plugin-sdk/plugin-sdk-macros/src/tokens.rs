//! Searches in the tokens of a type, at any depth.

use proc_macro2::{TokenStream, TokenTree};

/// Reports whether `what` returns true for a token. It gets each token together with the one before it.
pub(crate) fn mentions(ty: TokenStream, what: fn(Option<&TokenTree>, &TokenTree) -> bool) -> bool {
    let tokens: Vec<_> = ty.into_iter().collect();
    tokens.iter().enumerate().any(|(position, token)| {
        let before = position.checked_sub(1).map(|before| &tokens[before]);
        match token {
            TokenTree::Group(group) => mentions(group.stream(), what),
            token => what(before, token),
        }
    })
}

/// Reports whether the token is `&` or a lifetime, except `'static` as in `Cow<'static, str>`.
pub(crate) fn is_borrow(before: Option<&TokenTree>, token: &TokenTree) -> bool {
    match (before, token) {
        (_, TokenTree::Punct(punct)) => punct.as_char() == '&',
        (Some(TokenTree::Punct(quote)), TokenTree::Ident(name)) => {
            quote.as_char() == '\'' && name != "static"
        }
        _ => false,
    }
}

pub(crate) fn is_impl(_before: Option<&TokenTree>, token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if word == "impl")
}

pub(crate) fn is_self(_before: Option<&TokenTree>, token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if word == "Self")
}
