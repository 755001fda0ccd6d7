//! Who calls: whom a gateway has let in, or whose token was sent.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header::WWW_AUTHENTICATE};

use crate::{
    config::Config,
    plugin::Caller,
    server::{
        http::{
            bearer_tokens::{Refused, Tokens},
            cors::{self, Callers},
            response::refusal,
        },
        request::{Incoming, Reached},
    },
};

/// Who may call.
pub(crate) struct Access {
    callers: Callers,
    tokens: Tokens,
}

impl Access {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            callers: Callers::new(config),
            tokens: config.bearer_tokens.clone(),
        }
    }

    /// Checks `Origin` and `Host`; returns the origin to allow by CORS, if there is one.
    pub(crate) fn origin<'a>(
        &self,
        headers: &'a HeaderMap,
        reached: Reached<'_>,
    ) -> Result<Option<&'a HeaderValue>, cors::Refused> {
        self.callers.check(headers, reached)
    }

    /// Where tokens are asked for: who calls by the one that was sent. `None`: whoever the front door tells of.
    ///
    /// The name of the token counts also where a gateway tells of a principal, as that is what the host was told to ask for;
    /// the gateway's claims stay.
    pub(crate) fn caller(&self, incoming: &Incoming<'_>) -> Result<Option<Caller>, Refused> {
        if !self.asks_for_tokens(incoming) {
            return Ok(None);
        }
        let owner = self.tokens.owner(incoming.headers)?;
        let owner = owner.ok_or(Refused::Missing)?;
        Ok(Some(Caller {
            principal: Some(owner.to_owned()),
            claims: incoming.caller.claims.clone(),
        }))
    }

    /// May this be told what is only for those who may call? It is no error to have sent no token.
    pub(crate) fn is_trusted(&self, incoming: &Incoming<'_>) -> Result<bool, Refused> {
        if !self.asks_for_tokens(incoming) {
            return Ok(true);
        }
        Ok(self.tokens.owner(incoming.headers)?.is_some())
    }

    fn asks_for_tokens(&self, incoming: &Incoming<'_>) -> bool {
        !self.tokens.is_empty() && incoming.reached.is_by_http()
    }
}

/// The answer to whoever may not call, with what would let it.
pub(crate) fn challenge(refused: Refused) -> Response<Bytes> {
    let mut response = refusal(refused.status(), &refused.to_string());
    let challenge = HeaderValue::from_static(refused.challenge());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
