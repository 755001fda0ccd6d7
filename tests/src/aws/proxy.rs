//! A proxy in front of a DynamoDB: counts operations, and fails as networks and services do.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

/// The treatment of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is answered.
    None,
    /// The connection is closed without an answer.
    Refuse,
    /// The request is never answered.
    Hang,
    /// The answer is an error of the service.
    Error500,
    /// The answer is "too many requests".
    Throttle,
    /// The answer is that access is denied.
    Deny,
    /// The answer is not one of DynamoDB.
    Html,
    /// The request is carried out, and of every third one the answer is lost; but not of a fourth attempt, so that a
    /// client that retries succeeds.
    LoseEveryThird,
}

/// The proxy.
pub struct Proxy {
    endpoint: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    upstream: String,
    fault: Mutex<Fault>,
    /// An operation with another treatment than all others.
    operation_fault: Mutex<Option<(String, Fault)>>,
    operations: Mutex<BTreeMap<String, u64>>,
    number: AtomicU64,
}

impl Proxy {
    /// Starts one in front of this endpoint.
    pub fn new(endpoint: &str) -> Self {
        Self::start(None, endpoint)
    }

    /// Starts one with TLS. Also returns the certificate of its authority, as PEM.
    pub fn with_tls(endpoint: &str) -> (Self, String) {
        let names = vec!["localhost".to_owned()];
        let own = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them all")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key.into())
            .expect("a key that fits");
        let tls = TlsAcceptor::from(Arc::new(config));
        (Self::start(Some(tls), endpoint), own.cert.pem())
    }

    fn start(tls: Option<TlsAcceptor>, endpoint: &str) -> Self {
        let runtime = Runtime::new().expect("threads");
        let shared = Arc::new(Shared {
            upstream: endpoint.to_owned(),
            fault: Mutex::new(Fault::None),
            operation_fault: Mutex::default(),
            operations: Mutex::default(),
            number: AtomicU64::new(0),
        });
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let endpoint = match tls {
            None => format!("http://127.0.0.1:{port}"),
            Some(_) => format!("https://localhost:{port}"),
        };
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&serving), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(&shared, stream).await,
                        Some(tls) => {
                            // A client that does not trust it closes the connection.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(&shared, stream).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            endpoint,
            shared,
            _runtime: runtime,
        }
    }

    /// Returns its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Treats only this operation like this from now on.
    pub fn set_only(&self, operation: &str, fault: Fault) {
        self.set(Fault::None);
        *locked(&self.shared.operation_fault) = Some((operation.to_owned(), fault));
    }

    /// Treats all requests like this from now on.
    pub fn set(&self, fault: Fault) {
        *locked(&self.shared.operation_fault) = None;
        *locked(&self.shared.fault) = fault;
    }

    /// Returns the operations since the last call, with their counts.
    pub fn take_operations(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut locked(&self.shared.operations))
    }
}

/// The error that closes a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

async fn serve(shared: &Arc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(|request| answer(shared, request));
    // An error closes the connection.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Closed> {
    let target = request.headers().get("x-amz-target");
    let target = target
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target.split('.').next_back().unwrap_or_default().to_owned();
    let fault = match &*locked(&shared.operation_fault) {
        Some((name, fault)) if *name == operation => *fault,
        _ => *locked(&shared.fault),
    };
    *locked(&shared.operations).entry(operation).or_default() += 1;
    let failed = |status, kind: &str| {
        let body = format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"as the test wants it"}}"#
        );
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        Ok(response)
    };
    match fault {
        Fault::Refuse => Err(Closed),
        Fault::Hang => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Err(Closed)
        }
        Fault::Error500 => failed(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Fault::Throttle => failed(
            StatusCode::BAD_REQUEST,
            "ProvisionedThroughputExceededException",
        ),
        Fault::Deny => failed(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Fault::Html => {
            let mut response = Response::new(Full::from("<html>\n<h1>Bad gateway</h1>\n</html>"));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            Ok(response)
        }
        Fault::None => forward(shared, request).await,
        Fault::LoseEveryThird => {
            let attempt = request.headers().get("amz-sdk-request");
            let attempt = attempt.and_then(|attempt| attempt.to_str().ok());
            let is_late = ["attempt=4", "attempt=5"]
                .iter()
                .any(|late| attempt.is_some_and(|attempt| attempt.contains(late)));
            let response = forward(shared, request).await?;
            let number = shared.number.fetch_add(1, Ordering::Relaxed);
            if number % 3 == 2 && !is_late {
                Err(Closed)
            } else {
                Ok(response)
            }
        }
    }
}

async fn forward(
    shared: &Shared,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let url = format!("{}{}", shared.upstream, head.uri);
    let mut sent = ureq::http::Request::builder()
        .method(head.method.as_str())
        .uri(url);
    for (name, value) in &head.headers {
        if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
            sent = sent.header(name.as_str(), value.as_bytes());
        }
    }
    let sent = sent.body(body.to_vec()).map_err(|_| Closed)?;
    let answered = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent.run(sent)?;
        let bytes = answer.body_mut().read_to_vec()?;
        Ok::<_, ureq::Error>((answer, bytes))
    });
    let (answer, bytes) = answered.await.map_err(|_| Closed)?.map_err(|_| Closed)?;
    let mut response = Response::builder().status(answer.status().as_u16());
    for (name, value) in answer.headers() {
        if name.as_str() != "content-length" && name.as_str() != "transfer-encoding" {
            response = response.header(name.as_str(), value.as_bytes());
        }
    }
    response.body(Full::from(bytes)).map_err(|_| Closed)
}
