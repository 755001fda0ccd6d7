//! The identification of callers, by the gateway in front of the host or by a token.

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

/// The rules about who may call.
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

    /// Checks `Origin` and `Host`. Returns the origin that the CORS headers must allow, if there is one.
    pub(crate) fn origin<'a>(
        &self,
        headers: &'a HeaderMap,
        exposure: Exposure<'_>,
    ) -> Result<Option<&'a HeaderValue>, cors::OriginError> {
        self.origin_policy.check(headers, exposure)
    }

    /// Identifies a caller by its token. Returns `None` if no tokens are required; in that case the identification by
    /// the front door applies.
    ///
    /// If the gateway has identified a principal too, the name of the token replaces it, because the operator has
    /// configured the host to require tokens. The gateway's claims are kept.
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

    /// Reports whether the caller may see details that are only for permitted callers. A missing token is not an error
    /// here.
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

/// Returns the response to a caller without permission, with `WWW-Authenticate`.
pub(crate) fn challenge(refused: AuthError) -> Response<Bytes> {
    let mut response = refusal(refused.status(), &refused.to_string());
    let challenge = HeaderValue::from_static(refused.challenge());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
