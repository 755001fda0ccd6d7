//! Servers with scripted responses, and names that lead to them.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{Client, allow::Allow, connect::Lookup, tls::Tls};

/// The response of a server, byte by byte.
pub(super) struct Reply {
    bytes: Vec<u8>,
    /// Does it keep the connection open instead of ending it?
    hangs: bool,
}

impl Reply {
    pub(super) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            bytes,
            hangs: false,
        }
    }

    pub(super) fn new(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    pub(super) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::new("200 OK", &[&format!("Content-Type: {content_type}")], body)
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self::new("302 Found", &[&format!("Location: {to}")], "")
    }

    pub(super) fn and_hangs(mut self) -> Self {
        self.hangs = true;
        self
    }
}

/// A server on a port of its own, until it is dropped.
pub(super) struct Server {
    pub(super) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers each request by what `answer` makes of its path.
    pub(super) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, answer).await
    }

    pub(super) async fn start_tls(
        tls: TlsAcceptor,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Some(tls), answer).await
    }

    async fn serve(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (heads.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer, tls) = (seen.clone(), answer.clone(), tls.clone());
                tokio::spawn(async move {
                    // A client that leaves early is what some tests are about.
                    let _ = match tls {
                        None => one(stream, &seen, &*answer).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => one(stream, &seen, &*answer).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        Self { port, heads, task }
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Reply + Send + Sync),
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let reply = answer(head.split(' ').nth(1).unwrap_or_default());
    seen.lock().unwrap().push(head);
    stream.write_all(&reply.bytes).await?;
    stream.flush().await?;
    if reply.hangs {
        std::future::pending::<()>().await;
    }
    stream.shutdown().await
}

/// Names and what they lead to: a stand-in for name servers. Each look-up gets the next list, the last one for ever.
#[derive(Default)]
pub(super) struct Names {
    table: HashMap<String, Vec<Vec<String>>>,
    looked_up: Arc<Mutex<Vec<String>>>,
    allow: Vec<String>,
    tls: Tls,
}

impl Names {
    /// A name that leads to these addresses, without exceptions.
    pub(super) fn name(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        self.table
            .entry(name.to_owned())
            .or_default()
            .push(addresses);
        self
    }

    /// A name that leads to a server, and may.
    pub(super) fn site(self, name: &str, server: &Server) -> Self {
        self.allow(&format!("{name}:{}", server.port))
            .name(name, &["127.0.0.1"])
    }

    /// An exception.
    pub(super) fn allow(mut self, entry: &str) -> Self {
        self.allow.push(entry.to_owned());
        self
    }

    pub(super) fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The names looked up by the client made of these.
    pub(super) fn looked_up(&self) -> Arc<Mutex<Vec<String>>> {
        self.looked_up.clone()
    }

    pub(super) fn client(self) -> Client {
        let (table, looked_up) = (self.table, self.looked_up);
        let lookup: Lookup = Arc::new(move |name, port| {
            let mut looked_up = looked_up.lock().unwrap();
            let before = looked_up.iter().filter(|before| **before == name).count();
            let answers = table.get(&name);
            let answer = answers.and_then(|lists| lists.get(before).or(lists.last()));
            let addresses = answer.map(|list| {
                let ips = list.iter().map(|ip| ip.parse().unwrap());
                ips.map(|ip| SocketAddr::new(ip, port)).collect()
            });
            looked_up.push(name);
            Box::pin(async move { addresses.ok_or_else(|| io::ErrorKind::NotFound.into()) })
        });
        Client::with(
            Allow::parse(&self.allow.join(",")).unwrap(),
            lookup,
            self.tls,
        )
    }
}
