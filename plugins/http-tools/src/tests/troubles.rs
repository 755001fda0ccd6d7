//! Servers that are slow, rude, absent or not to be trusted.

use std::{sync::Arc, time::Duration};

use rcgen::{CertificateParams, DnType, KeyPair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use super::*;
use crate::tls::Tls;

/// The remaining time of the call: too little for a server that never answers.
const SOON: Option<Duration> = Some(Duration::from_millis(700));

#[tokio::test]
async fn a_slow_server_times_out() {
    let server = Server::start(|path| match path {
        "/silent" => Reply::raw("").and_hangs(),
        "/head" => Reply::raw("HTTP/1.1 200 OK\r\nX-Wait: ").and_hangs(),
        "/body" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").and_hangs(),
        _ => Reply::redirect("/silent"),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    // How far each came in this time is the machine's business.
    for path in ["/silent", "/head", "/body", "/redirect"] {
        let url = format!("http://a.test:{}{path}", server.port);
        let error = read::page(&client, &url, 1000, SOON)
            .await
            .map(drop)
            .unwrap_err();
        let last = match error {
            FetchError::Redirected { source, .. } if path == "/redirect" => *source,
            error => error,
        };
        let FetchError::Time { site, limit, .. } = last else {
            panic!("{path}: {last}")
        };
        assert_eq!(site, format!("http://a.test:{}", server.port));
        assert!(limit < Duration::from_millis(700), "{path}: {limit:?}");
    }
}

#[test]
fn a_message_says_what_took_too_long() {
    let error = FetchError::Time {
        site: "https://example.org".to_owned(),
        what: "answer",
        limit: Duration::from_millis(19_940),
    };
    insta::assert_snapshot!(error, @"https://example.org took too long to answer: only 19.9 s were left; try again later, or fetch something smaller");
}

#[tokio::test]
async fn a_call_without_time_left_does_not_begin() {
    let server = Server::start(|_| Reply::raw("").and_hangs()).await;
    let client = Names::default().site("a.test", &server).client();
    let url = format!("http://a.test:{}/", server.port);
    let error = read::page(&client, &url, 1000, Some(Duration::ZERO)).await;
    let error = error.map(drop).unwrap_err();
    assert!(matches!(error, FetchError::Time { .. }), "{error}");
}

#[tokio::test]
async fn a_refused_connection_names_its_port() {
    // Bound, so that no other socket gets it, but not listened on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let names = Names::default().allow(&format!("a.test:{port}"));
    let client = names.name("a.test", &["127.0.0.1"]).client();
    let url = format!("http://a.test:{port}/?token=secret");
    let error = get(&client, url).await.unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&port.to_string(), "PORT"), @"http://a.test:PORT: the connection failed (connection refused); check host and port, or try again later");
}

/// A call that is cancelled is a future that is dropped.
#[tokio::test]
async fn a_call_given_up_leaves_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Names::default().allow(&address.to_string()).client();
    let mut stream = tokio::select! {
        accepted = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream
        } => accepted,
        answered = get(&client, format!("http://{address}/")) => panic!("{answered:?}"),
    };
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let server = Server::start(|_| Reply::ok("text/plain", "second")).await;
    let client = Names::default()
        .allow(&format!("a.test:{}", server.port))
        .name("a.test", &["127.0.0.2", "127.0.0.1"])
        .client();
    let page = get(&client, format!("http://a.test:{}/", server.port)).await;
    assert_eq!(page.unwrap().text, "second");
}

#[tokio::test]
async fn a_server_that_violates_http_is_an_error() {
    let server = Server::start(|path| match path {
        "/gone" => Reply::raw(""),
        "/half" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Le"),
        "/early" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
        "/chunk" => {
            Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        }
        "/ssh" => Reply::raw("SSH-2.0-OpenSSH_9.2\r\n"),
        "/headers" => Reply::raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101))),
        "/header" => Reply::raw(format!(
            "HTTP/1.1 200 OK\r\na: {}\r\n\r\n",
            "b".repeat(1_000_000)
        )),
        _ => Reply::raw("HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000)),
    })
    .await;
    let client = Names::default().site("a.test", &server).client();
    let mut messages = Vec::new();
    for path in [
        "/gone",
        "/half",
        "/early",
        "/chunk",
        "/ssh",
        "/headers",
        "/header",
        "/continue",
    ] {
        let url = format!("http://a.test:{}{path}", server.port);
        let error = get(&client, url).await.unwrap_err();
        messages.push(format!("{path}: {}", message(&error, &[&server])));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    /gone: http://a.test:PORT closed the connection before its answer was complete; try again later
    /half: http://a.test:PORT closed the connection before its answer was complete; try again later
    /early: http://a.test:PORT closed the connection before its answer was complete; try again later
    /chunk: http://a.test:PORT closed the connection before its answer was complete; try again later
    /ssh: http://a.test:PORT did not answer in HTTP/1.1; check scheme and port
    /headers: http://a.test:PORT answered with headers over the limit (64 KiB, 100 headers)
    /header: http://a.test:PORT answered with headers over the limit (64 KiB, 100 headers)
    /continue: http://a.test:PORT closed the connection before its answer was complete; try again later
    ");
}

/// A server's side of TLS, and the certificate it shows.
fn tls(name: &str) -> (TlsAcceptor, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut certificate = CertificateParams::new([name.to_owned()]).unwrap();
    certificate
        .distinguished_name
        .push(DnType::CommonName, name);
    let certificate = certificate.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

fn roots(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).unwrap();
    }
    roots
}

#[tokio::test]
async fn a_certificate_decides_whether_a_server_is_believed() {
    let (own, trusted) = tls("secure.test");
    let (other, _) = tls("other.test");
    let secure = Server::start_tls(own, |_| Reply::ok("text/plain", "safe")).await;
    let unknown = Server::start_tls(other, |_| Reply::ok("text/plain", "not safe")).await;
    let client = Names::default()
        .site("secure.test", &secure)
        .site("wrong.test", &secure)
        .site("other.test", &unknown)
        .tls(Tls::with_roots(roots(&[trusted])))
        .client();
    let url = |host: &str, server: &Server| format!("https://{host}:{}/", server.port);
    let page = get(&client, url("secure.test", &secure)).await.unwrap();
    assert_eq!(page.text, "safe");
    let mut messages = Vec::new();
    for (host, server) in [("wrong.test", &secure), ("other.test", &unknown)] {
        let error = get(&client, url(host, server)).await.unwrap_err();
        messages.push(message(&error, &[server]));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    https://wrong.test:PORT is not fetched: its certificate is for another name; check the host in the URL
    https://other.test:PORT is not fetched: its certificate is not signed by a trusted authority (it is self-signed, or a company's own); the operator can name a bundle that has it in SSL_CERT_FILE
    ");
    assert!(unknown.heads().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let reply = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(reply).await.unwrap();
        std::future::pending::<()>().await;
    });
    let (_, certificate) = tls("a.test");
    let client = Names::default()
        .allow(&format!("127.0.0.1:{port}"))
        .tls(Tls::with_roots(roots(&[certificate])))
        .client();
    let error = get(&client, format!("https://127.0.0.1:{port}/")).await;
    let error = error.unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&port.to_string(), "PORT"), @"https://127.0.0.1:PORT is not fetched: the server does not speak TLS; try an `http:` URL");
}

#[tokio::test]
async fn a_machine_without_authorities_trusts_no_server() {
    let (acceptor, _) = tls("a.test");
    let server = Server::start_tls(acceptor, |_| Reply::ok("text/plain", "not safe")).await;
    let client = Names::default()
        .site("a.test", &server)
        .tls(Tls::with_roots(RootCertStore::empty()))
        .client();
    let error = get(&client, format!("https://a.test:{}/", server.port)).await;
    insta::assert_snapshot!(message(&error.unwrap_err(), &[&server]), @"https://a.test:PORT cannot be verified: this machine has no CA certificates; the operator can name a bundle in SSL_CERT_FILE");
}
