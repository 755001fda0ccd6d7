//! A Lambda Runtime API that hands out several invocations at once, as Lambda Managed Instances do; and on the other side
//! Lambda's own API, as far as it invokes functions.

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::Layer;

/// How long to wait for an answer. Source: ours; far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";

/// The API, and the process that asks it for events.
pub struct RuntimeApi {
    address: SocketAddr,
    child: Child,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    queues: Mutex<Queues>,
    changed: Condvar,
}

#[derive(Default)]
struct Queues {
    events: VecDeque<Event>,
    answers: HashMap<String, Answer>,
    streams: HashMap<String, Streamed>,
    invoked: usize,
}

/// What the process answered to an event.
struct Answer {
    failed: bool,
    payload: Value,
}

/// What came of an event.
#[derive(Debug)]
pub enum Came {
    /// An answer, whole.
    Whole(Value),
    /// An answer in chunks, all of them.
    Streamed(Streamed),
    /// An error.
    Failed(Value),
}

/// An event for whoever asks next.
struct Event {
    id: String,
    text: String,
    client_context: Option<String>,
}

/// What has come of a streamed answer.
#[derive(Clone, Debug, Default)]
pub struct Streamed {
    /// Its chunks, as the process has sent them.
    pub chunks: Vec<Vec<u8>>,
    /// Was the last chunk sent?
    pub is_over: bool,
}

impl Streamed {
    /// The status, headers and cookies, as JSON.
    pub fn prelude(&self) -> Value {
        let bytes = self.chunks.concat();
        let end = bytes.windows(8).position(|bytes| bytes == [0; 8]);
        let prelude = &bytes[..end.expect("eight bytes of zero")];
        serde_json::from_slice(prelude).expect("a prelude of JSON")
    }

    /// What comes behind it, as text.
    pub fn body(&self) -> String {
        let bytes = self.chunks.concat();
        let end = bytes.windows(8).position(|bytes| bytes == [0; 8]);
        let body = bytes[end.expect("eight bytes of zero") + 8..].to_vec();
        String::from_utf8(body).expect("UTF-8")
    }
}

impl RuntimeApi {
    /// Start the API, and the program with this layer.
    pub fn start(program: &Path, layer: &Layer, variables: &[(&str, &str)]) -> Self {
        Self::run(&mut Command::new(program), layer, variables)
    }

    /// The same, but what the program prints goes to a file.
    pub fn start_printing_to(
        file: &File,
        program: &Path,
        layer: &Layer,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(program);
        let file = || file.try_clone().expect("a second handle to the file");
        command.stdout(file()).stderr(file());
        Self::run(&mut command, layer, variables)
    }

    fn run(command: &mut Command, layer: &Layer, variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // It ends with the connection: an error is the end of it.
                thread::spawn(move || state.serve(stream));
            }
        });
        let child = command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("PLUGIN_DIR", layer.plugin_dir())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("the program can be run");
        Self {
            address,
            child,
            state,
        }
    }

    /// Hand out an event to whoever asks next.
    pub fn deliver(&self, id: &str, event: &Value) {
        self.deliver_with(id, event, None);
    }

    /// The same with what the invoker says of itself.
    pub fn deliver_with(&self, id: &str, event: &Value, client_context: Option<&Value>) {
        self.state.deliver(Event {
            id: id.to_owned(),
            text: event.to_string(),
            client_context: client_context.map(Value::to_string),
        });
    }

    /// The answer to an event.
    ///
    /// # Panics
    /// When it does not come.
    pub fn answer(&self, id: &str) -> Value {
        self.state.answer(id).payload
    }

    /// Hand out an event, and wait for all that comes of it. Nothing is kept of it.
    ///
    /// # Panics
    /// When it does not come.
    pub fn ask(&self, id: &str, event: String) -> Came {
        self.state.deliver(Event {
            id: id.to_owned(),
            text: event,
            client_context: None,
        });
        self.state
            .came(id)
            .unwrap_or_else(|| panic!("no answer to {id}"))
    }

    /// The memory that the process holds at the moment. Unit: kilobytes.
    pub fn memory_kb(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process runs");
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let held = held.and_then(|held| held.trim().strip_suffix(" kB")?.parse().ok());
        held.expect("Linux tells what a process holds")
    }

    /// How many files, sockets and the like the process has open at the moment.
    pub fn descriptors(&self) -> usize {
        let open = fs_err::read_dir(format!("/proc/{}/fd", self.child.id()));
        open.expect("the process runs").count()
    }

    /// Where AWS's clients find Lambda, which has this function alone.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A streamed answer to an event, as soon as that much of it has come.
    ///
    /// # Panics
    /// When it does not come.
    pub fn streamed(&self, id: &str, is_enough: impl Fn(&Streamed) -> bool) -> Streamed {
        let (queues, waited) = self
            .state
            .changed
            .wait_timeout_while(self.state.lock(), PATIENCE, |queues| {
                !queues.streams.get(id).is_some_and(&is_enough)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let stream = queues.streams.get(id).cloned().unwrap_or_default();
        assert!(
            !waited.timed_out(),
            "the answer to {id} stops at {stream:?}"
        );
        stream
    }

    /// Wait for the process to end by itself.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let id = path.split('/').rev().nth(1).unwrap_or_default();
            let mut length = 0;
            let mut is_chunked = false;
            let mut client_context = None;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header)?;
                let Some((name, value)) = header.split_once(':') else {
                    break;
                };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap_or_default(),
                    "x-amz-client-context" => client_context = Some(value.trim().to_owned()),
                    _ => {}
                }
                is_chunked |= name.eq_ignore_ascii_case("transfer-encoding");
            }
            if is_chunked {
                self.hear(id, &mut reader)?;
                stream.write_all(ACCEPTED.as_bytes())?;
                continue;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let answer = if path.ends_with("/invocation/next") {
                self.next()
            } else if path.ends_with("/invocations") {
                self.invoke(&body, client_context.as_deref())
            } else {
                let failed = path.ends_with("/error");
                let payload = serde_json::from_slice(&body).unwrap_or_default();
                let answer = Answer { failed, payload };
                self.lock().answers.insert(id.to_owned(), answer);
                self.changed.notify_all();
                ACCEPTED.to_owned()
            };
            stream.write_all(answer.as_bytes())?;
        }
    }

    /// The chunks of a streamed answer, as they come.
    fn hear(&self, id: &str, reader: &mut impl BufRead) -> std::io::Result<()> {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
            // With the line's end behind it.
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk)?;
            chunk.truncate(size);
            let mut queues = self.lock();
            let stream = queues.streams.entry(id.to_owned()).or_default();
            stream.is_over = size == 0;
            if stream.is_over {
                self.changed.notify_all();
                return Ok(());
            }
            stream.chunks.push(chunk);
            self.changed.notify_all();
        }
    }

    fn deliver(&self, event: Event) {
        self.lock().events.push_back(event);
        self.changed.notify_all();
    }

    fn answer(&self, id: &str) -> Answer {
        let (mut queues, _) = self
            .changed
            .wait_timeout_while(self.lock(), PATIENCE, |queues| {
                !queues.answers.contains_key(id)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let answer = queues.answers.remove(id);
        answer.unwrap_or_else(|| panic!("no answer to {id}"))
    }

    fn came(&self, id: &str) -> Option<Came> {
        let is_over = |queues: &Queues| queues.streams.get(id).is_some_and(|it| it.is_over);
        let (mut queues, _) = self
            .changed
            .wait_timeout_while(self.lock(), PATIENCE, |queues| {
                !queues.answers.contains_key(id) && !is_over(queues)
            })
            .unwrap_or_else(PoisonError::into_inner);
        match queues.answers.remove(id) {
            Some(Answer { failed, payload }) if failed => Some(Came::Failed(payload)),
            Some(Answer { payload, .. }) => Some(Came::Whole(payload)),
            None => queues.streams.remove(id).map(Came::Streamed),
        }
    }

    /// Source: AWS Lambda API Reference, "Invoke".
    fn invoke(&self, payload: &[u8], client_context: Option<&str>) -> String {
        let id = {
            let mut queues = self.lock();
            queues.invoked += 1;
            format!("invoked-{}", queues.invoked)
        };
        let decoded = |context| {
            let bytes = BASE64_STANDARD.decode(context).expect("base64");
            String::from_utf8(bytes).expect("text")
        };
        self.deliver(Event {
            id: id.clone(),
            text: String::from_utf8_lossy(payload).into_owned(),
            client_context: client_context.map(decoded),
        });
        let Answer { failed, payload } = self.answer(&id);
        let error = if failed {
            "x-amz-function-error: Unhandled\r\n"
        } else {
            ""
        };
        let payload = payload.to_string();
        format!(
            "HTTP/1.1 200 OK\r\nx-amzn-requestid: {id}\r\n{error}content-type: application/json\r\ncontent-length: {}\r\n\r\n{payload}",
            payload.len()
        )
    }

    fn next(&self) -> String {
        let mut queues = self
            .changed
            .wait_while(self.lock(), |queues| queues.events.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let Event {
            id,
            text,
            client_context,
        } = queues.events.pop_front().expect("it was waited for");
        let client_context = client_context
            .map(|context| format!("lambda-runtime-client-context: {context}\r\n"))
            .unwrap_or_default();
        let deadline = SystemTime::now() + Duration::from_secs(300);
        let deadline = deadline.duration_since(UNIX_EPOCH).expect("after 1970");
        format!(
            "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: {}\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:function\r\n{client_context}content-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            deadline.as_millis(),
            text.len()
        )
    }
}
