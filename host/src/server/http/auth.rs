//! Who calls: whom a gateway has let in, or whose token was sent.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header::WWW_AUTHENTICATE};

use crate::{
    config::Config,
    plugin::Caller,
    server::{
        http::{
            bearer_tokens::{AuthError, BearerTokens},
            cors::{self, OriginPolicy},
            response::refusal,
        },
        request::{Exposure, IncomingRequest},
    },
};

/// Who may call.
pub(crate) struct Access {
    origin_policy: OriginPolicy,
    tokens: BearerTokens,
}

impl Access {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            origin_policy: OriginPolicy::new(config),
            tokens: config.bearer_tokens.clone(),
        }
    }

    /// Checks `Origin` and `Host`; returns the origin to allow by CORS, if there is one.
    pub(crate) fn origin<'a>(
        &self,
        headers: &'a HeaderMap,
        exposure: Exposure<'_>,
    ) -> Result<Option<&'a HeaderValue>, cors::OriginError> {
        self.origin_policy.check(headers, exposure)
    }

    /// Where tokens are asked for: who calls by the one that was sent. `None`: whoever the front door tells of.
    ///
    /// The name of the token counts also where a gateway tells of a principal, as that is what the host was told to ask for;
    /// the gateway's claims stay.
    pub(crate) fn caller(
        &self,
        incoming: &IncomingRequest<'_>,
    ) -> Result<Option<Caller>, AuthError> {
        if !self.requires_token(incoming) {
            return Ok(None);
        }
        let owner = self.tokens.authenticate(incoming.headers)?;
        let owner = owner.ok_or(AuthError::Missing)?;
        Ok(Some(Caller {
            principal: Some(owner.to_owned()),
            claims: incoming.caller.claims.clone(),
        }))
    }

    /// May this be told what is only for those who may call? It is no error to have sent no token.
    pub(crate) fn is_trusted(&self, incoming: &IncomingRequest<'_>) -> Result<bool, AuthError> {
        if !self.requires_token(incoming) {
            return Ok(true);
        }
        Ok(self.tokens.authenticate(incoming.headers)?.is_some())
    }

    fn requires_token(&self, incoming: &IncomingRequest<'_>) -> bool {
        !self.tokens.is_empty() && incoming.exposure.is_http()
    }
}

/// The answer to whoever may not call, with what would let it.
pub(crate) fn challenge(refused: AuthError) -> Response<Bytes> {
    let mut response = refusal(refused.status(), &refused.to_string());
    let challenge = HeaderValue::from_static(refused.challenge());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
