//! The caller, as identified by the gateway's authorizer or by IAM.
//!
//! Only the request context, which the gateway itself writes, is used. Headers prove nothing, because a client can send
//! any headers.

use std::collections::HashMap;

use lambda_http::{
    aws_lambda_events::apigw::{ApiGatewayProxyRequestContext, ApiGatewayV2httpRequestContext},
    request::RequestContext,
};
use serde_json::{Map, Value, json};

use crate::{plugin::Caller, transport::lambda::invocation::Invocation};

pub(super) fn caller(context: &RequestContext) -> Caller {
    match context {
        RequestContext::ApiGatewayV1(context) => from_rest_api(context),
        RequestContext::ApiGatewayV2(context) => from_http_api(context),
        // A load balancer could identify the caller only by headers, and it sets these only if a rule of its listener
        // requires it.
        _ => Caller::default(),
    }
}

/// Identifies the caller of an invocation without a gateway, by the Cognito identity to which the caller's credentials
/// belong. (The client context proves nothing, because the caller itself writes it.)
/// Source: AWS Lambda, "Using the Lambda context object", `identity`.
pub(super) fn invoker(invocation: &Invocation) -> Caller {
    let identity = invocation.identity.as_ref();
    let Some(identity) = identity.filter(|identity| !identity.id.is_empty()) else {
        return Caller::default();
    };
    let facts = [
        ("cognitoIdentityId", &identity.id),
        ("cognitoIdentityPoolId", &identity.pool),
    ];
    Caller {
        principal: Some(identity.id.clone()),
        claims: facts
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .into_iter()
            .collect(),
    }
}

/// Identifies the caller of a REST API (payload 1.0) by the claims of a Cognito authorizer, by the context of a Lambda
/// authorizer with its `principalId`, or by the ARN that signed the request.
/// Source: API Gateway Developer Guide, "Input format of a Lambda function for proxy integration".
fn from_rest_api(context: &ApiGatewayProxyRequestContext) -> Caller {
    let fields = &context.authorizer.fields;
    if let Some(Value::Object(claims)) = fields.get("claims") {
        return from_claims(claims.clone());
    }
    if !fields.is_empty() {
        return from_lambda_authorizer(fields);
    }
    let identity = &context.identity;
    from_iam(&IamIdentity {
        arn: &identity.user_arn,
        account: &identity.account_id,
        user: &identity.user,
        identity: &identity.cognito_identity_id,
        pool: &identity.cognito_identity_pool_id,
    })
}

/// Identifies the caller of an HTTP API or a function URL (payload 2.0) by the claims of a JWT, by the context of a
/// Lambda authorizer, or by the ARN that signed the request.
/// Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
fn from_http_api(context: &ApiGatewayV2httpRequestContext) -> Caller {
    let Some(authorizer) = &context.authorizer else {
        return Caller::default();
    };
    if let Some(jwt) = &authorizer.jwt {
        let claims = jwt.claims.iter();
        return from_claims(
            claims
                .map(|(name, claim)| (name.clone(), json!(claim)))
                .collect(),
        );
    }
    if let Some(iam) = &authorizer.iam {
        let cognito = iam.cognito_identity.as_ref();
        return from_iam(&IamIdentity {
            arn: &iam.user_arn,
            account: &iam.account_id,
            user: &iam.user_id,
            identity: cognito.map_or(&None, |cognito| &cognito.identity_id),
            pool: cognito.map_or(&None, |cognito| &cognito.identity_pool_id),
        });
    }
    from_lambda_authorizer(&authorizer.fields)
}

fn from_claims(claims: Map<String, Value>) -> Caller {
    Caller {
        principal: text(claims.get("sub")),
        claims,
    }
}

/// Identifies a caller by the context of a Lambda authorizer. Members that the gateway adds are not claims.
fn from_lambda_authorizer(fields: &HashMap<String, Value>) -> Caller {
    let is_claim = |name: &str| name != "principalId" && name != "integrationLatency";
    Caller {
        principal: text(fields.get("principalId")).or_else(|| text(fields.get("sub"))),
        claims: fields
            .iter()
            .filter(|(name, value)| is_claim(name) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}

/// The IAM identity that signed a request.
struct IamIdentity<'a> {
    arn: &'a Option<String>,
    account: &'a Option<String>,
    user: &'a Option<String>,
    /// The Cognito identity and its identity pool.
    identity: &'a Option<String>,
    pool: &'a Option<String>,
}

/// Identifies a caller by the signature of its request. All users of a Cognito identity pool sign with the same role
/// and the same session name, and differ only in their Cognito identities.
fn from_iam(iam: &IamIdentity<'_>) -> Caller {
    let facts = [
        ("accountId", iam.account),
        ("userArn", iam.arn),
        ("userId", iam.user),
        ("cognitoIdentityId", iam.identity),
        ("cognitoIdentityPoolId", iam.pool),
    ];
    let principal = iam.identity.as_ref().or(iam.arn.as_ref());
    let Some(principal) = principal.filter(|principal| !principal.is_empty()) else {
        return Caller::default();
    };
    Caller {
        principal: Some(principal.clone()),
        claims: facts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))))
            .collect(),
    }
}

/// Returns a value as text, unless it is empty. (An authorizer's context may also contain numbers, which are valid as
/// names.)
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(caller: Caller) -> Value {
        json!([caller.principal, caller.claims])
    }

    #[test]
    fn a_rest_api_identifies_callers_by_cognito_authorizer_or_iam() {
        let none = json!([null, {}]);
        for (part, expected) in [
            (json!({}), none.clone()),
            (json!({ "authorizer": null }), none.clone()),
            (json!({ "authorizer": {} }), none.clone()),
            (json!({ "authorizer": { "claims": null } }), none.clone()),
            (
                json!({ "identity": { "userArn": null, "sourceIp": "203.0.113.7" } }),
                none,
            ),
            (
                json!({ "authorizer": { "claims": { "sub": "alice", "scope": "weather" } } }),
                json!(["alice", { "sub": "alice", "scope": "weather" }]),
            ),
            (
                json!({ "authorizer": { "principalId": "alice", "tenant": "a", "integrationLatency": 7 } }),
                json!(["alice", { "tenant": "a" }]),
            ),
            (
                json!({ "authorizer": { "principalId": "", "tenant": "a" } }),
                json!([null, { "tenant": "a" }]),
            ),
            (
                json!({ "identity": { "userArn": "arn:aws:sts::1:assumed-role/r/s", "cognitoIdentityId": "eu:a", "cognitoIdentityPoolId": "eu:p" } }),
                json!(["eu:a", { "userArn": "arn:aws:sts::1:assumed-role/r/s", "cognitoIdentityId": "eu:a", "cognitoIdentityPoolId": "eu:p" }]),
            ),
            (
                json!({ "identity": { "userArn": "arn:aws:iam::1:user/alice", "accountId": "1", "user": "AIDA" } }),
                json!(["arn:aws:iam::1:user/alice", { "userArn": "arn:aws:iam::1:user/alice", "accountId": "1", "userId": "AIDA" }]),
            ),
        ] {
            let mut context = json!({ "httpMethod": "POST", "identity": {} });
            for (name, value) in part.as_object().expect("members") {
                context[name] = value.clone();
            }
            let parsed = serde_json::from_value(context.clone()).expect("a context");
            assert_eq!(seen(from_rest_api(&parsed)), expected, "{context}");
        }
    }

    #[test]
    fn an_http_api_identifies_callers_by_jwt_authorizer_or_iam() {
        let none = json!([null, {}]);
        for (authorizer, expected) in [
            (Value::Null, none.clone()),
            (json!({}), none.clone()),
            (json!({ "lambda": null }), none),
            (
                json!({ "jwt": { "claims": { "sub": "alice", "scope": "weather" }, "scopes": null } }),
                json!(["alice", { "sub": "alice", "scope": "weather" }]),
            ),
            (
                json!({ "lambda": { "sub": "alice", "tenant": { "id": 1 } } }),
                json!(["alice", { "sub": "alice", "tenant": { "id": 1 } }]),
            ),
            (json!({ "lambda": { "principalId": 7 } }), json!(["7", {}])),
            (
                json!({ "iam": { "userArn": "arn:aws:sts::1:assumed-role/r/s", "cognitoIdentity": { "amr": [], "identityId": "eu:a", "identityPoolId": "eu:p" } } }),
                json!(["eu:a", { "userArn": "arn:aws:sts::1:assumed-role/r/s", "cognitoIdentityId": "eu:a", "cognitoIdentityPoolId": "eu:p" }]),
            ),
            (
                json!({ "iam": { "userArn": "arn:aws:iam::1:user/alice", "accountId": "1", "userId": "AIDA", "accessKey": "AKIA" } }),
                json!(["arn:aws:iam::1:user/alice", { "userArn": "arn:aws:iam::1:user/alice", "accountId": "1", "userId": "AIDA" }]),
            ),
        ] {
            let context = json!({ "authorizer": authorizer, "http": { "method": "POST" } });
            let parsed = serde_json::from_value(context.clone()).expect("a context");
            assert_eq!(seen(from_http_api(&parsed)), expected, "{context}");
        }
    }
}
