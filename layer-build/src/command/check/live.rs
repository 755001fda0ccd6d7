//! The proof: every plugin is opened, and a host serves them all, as on Lambda.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    archive::read,
    args,
    error::Failure,
    finding::{Check, Finding},
    library::{describe, platform::emulator},
    mcp::{client::Client, era::Era},
    process::{
        child,
        host::{NotRunning, Running},
        temp_dir,
    },
    static_check::subject::Subject,
    terminal::progress::doing,
};

/// Open every plugin, then serve all; what the host lists.
pub(super) fn check(
    subject: &Subject,
    args: &args::layer::Check,
    findings: &mut Vec<Finding>,
    not_seen: &mut Vec<String>,
) -> anyhow::Result<Vec<String>> {
    let opt = temp_dir::folder()?;
    for layer in &subject.layers {
        read::unpack(&layer.contents.path, opt.path())?;
    }
    let lib = opt.path().join("lib");
    // Where none has a plugin, that is what is to be said.
    fs_err::create_dir_all(&lib)?;
    let cpu = subject.cpu().unwrap_or(std::env::consts::ARCH);
    let Some(host) = Host::of(subject, cpu, opt.path())? else {
        not_seen.push(format!(
            "the plugins at work: they are for {cpu}, and opening them here takes --host function.zip and qemu-{cpu}"
        ));
        return Ok(Vec::new());
    };
    let patience = Duration::from_secs(args.patience);
    let at = At(subject, opt.path());
    if host.is_native() {
        for layer in &subject.layers {
            for plugin in layer.plugins_for(cpu) {
                opened(&lib.join(plugin), &at, patience, findings)?;
            }
        }
    }
    let ends = |finding: &Finding| {
        let codes = [Check::PluginCrashed, Check::PluginHangs].map(Check::as_str);
        codes.contains(&finding.code.as_str())
    };
    if findings.iter().any(ends) {
        not_seen.push("all plugins at work together: one of them ends the host".to_owned());
        return Ok(Vec::new());
    }
    served(&host, &at, args, findings)
}

/// A plugin is opened alone, so that what it does to its process is known to be its own.
fn opened(
    plugin: &Path,
    at: &At<'_>,
    patience: Duration,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let Err(error) = describe::describe(plugin, Some(&at.lib()), patience) else {
        return Ok(());
    };
    let finding = |code: &str, message: String| found(code, at.named(&message));
    match error.downcast::<Failure>()? {
        Failure::Declaration { path, problems } => {
            for problem in problems {
                let message = format!(
                    "{}: {problem}; mend it and rebuild the plugin",
                    path.display()
                );
                findings.push(finding("PLUGIN_DECLARATION_INVALID", message));
            }
        }
        failure => findings.push(finding(failure.code(), failure.to_string())),
    }
    Ok(())
}

/// All plugins, all tools.
fn served(
    host: &Host,
    at: &At<'_>,
    args: &args::layer::Check,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<Vec<String>> {
    let lib = at.lib();
    let mut command = match &host.emulator {
        Some(emulator) => {
            let mut command = child::as_on_lambda(emulator, &lib);
            // It would be the emulator's own.
            command.env_remove("LD_LIBRARY_PATH");
            command.arg(&host.program);
            command
        }
        None => child::as_on_lambda(&host.program, &lib),
    };
    command.args(host.argument);
    command.env("PLUGIN_DIR", &lib);
    command.env("ON_BAD_PLUGIN", "stop").env("PRELOAD", "all");
    for (variable, list) in [
        ("ENTRY_FILE", &args.entry_file),
        ("TOOLS_LIST", &args.tools_list),
    ] {
        if !list.is_empty() {
            command.env(variable, list.join(","));
        }
    }
    let _doing = doing("serving all of it");
    let running = match Running::start(
        &mut command,
        None,
        Duration::from_secs(args.patience),
        |_| {},
    )? {
        Ok(running) => running,
        Err(problem) => {
            let problems = match problem {
                NotRunning::Refused(problems) => problems,
                NotRunning::Crashed(words) => {
                    vec![(
                        Check::PluginCrashed.as_str().to_owned(),
                        format!("the host that serves all plugins ended with {words}"),
                    )]
                }
                NotRunning::Hangs => {
                    vec![(
                        Check::PluginHangs.as_str().to_owned(),
                        "the host that serves all plugins does not come to listen".to_owned(),
                    )]
                }
            };
            for (code, message) in problems {
                add(findings, found(&code, at.named(&message)));
            }
            return Ok(Vec::new());
        }
    };
    let mut names = Vec::new();
    for era in [Era::Legacy, Era::Modern] {
        let tools = Client::new(&running.url, era, &[], false).tools()?;
        let listed = tools.iter().filter_map(|tool| tool["name"].as_str());
        names = listed.map(str::to_owned).collect();
    }
    Ok(names)
}

/// What is known of a file already is not said twice.
fn add(findings: &mut Vec<Finding>, finding: Finding) {
    let about = file(&finding.message);
    let same = |known: &Finding| known.code == finding.code && file(&known.message) == about;
    if about.is_none() || !findings.iter().any(same) {
        findings.push(finding);
    }
}

/// The file that a message is about.
fn file(message: &str) -> Option<&str> {
    let begin = message.find(": lib/")? + ": ".len();
    message[begin..].split(':').next()
}

/// Something that came up at work. The host's own words end with what to do.
fn found(code: &str, message: String) -> Finding {
    let check = |check: Check| code == check.as_str();
    match code {
        _ if check(Check::PluginCrashed) => Finding::new(
            Check::PluginCrashed,
            message,
            "open it in a debugger, `gdb --args cargo-layer __describe lib.so out.json`, or leave it out by --entry-file",
        ),
        _ if check(Check::PluginHangs) => Finding::new(
            Check::PluginHangs,
            message,
            "let its constructors and `export_tools!` state do less, or wait longer by --patience",
        ),
        _ => Finding::of_host(code, message),
    }
}

/// The layers, and where they are unpacked.
struct At<'a>(&'a Subject, &'a Path);

impl At<'_> {
    fn lib(&self) -> PathBuf {
        self.1.join("lib")
    }

    /// A message that names files of the layers.
    fn named(&self, message: &str) -> String {
        let layers = self.0.layers.iter().map(|layer| &layer.contents);
        read::in_archives(message, layers, self.1)
    }
}

/// The host that serves.
struct Host {
    program: PathBuf,
    /// What makes this very program a host.
    argument: Option<&'static str>,
    /// For a CPU that is not this one.
    emulator: Option<PathBuf>,
}

impl Host {
    /// That of the function, else this program, which is one; `None` where neither can be run.
    fn of(subject: &Subject, cpu: &str, opt: &Path) -> anyhow::Result<Option<Self>> {
        let is_native = cpu == std::env::consts::ARCH;
        let emulator = if is_native { None } else { emulator(cpu) };
        // The function's own goes before one in a layer.
        let mut all = subject.host.iter().chain(&subject.layers);
        let bootstrap = all.find_map(|layer| {
            // Whatever else it is has been told already.
            layer
                .libraries
                .iter()
                .find(|library| library.path == "bootstrap")?;
            let mut files = layer.contents.files.iter();
            files.find(|file| file.path == "bootstrap")
        });
        Ok(match bootstrap {
            Some(bootstrap) if is_native || emulator.is_some() => {
                let program = opt.join("bootstrap.of-the-function");
                fs_err::write(&program, &bootstrap.content)?;
                fs_err::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
                Some(Self {
                    program,
                    argument: None,
                    emulator,
                })
            }
            None if is_native => Some(Self {
                program: std::env::current_exe()?,
                argument: Some("__host"),
                emulator: None,
            }),
            _ => None,
        })
    }

    fn is_native(&self) -> bool {
        self.emulator.is_none()
    }
}
