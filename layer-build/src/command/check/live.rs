//! The live check: every plugin is opened, and a host serves all of them, as on Lambda.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    archive::read,
    args,
    error::CliError,
    finding::{Finding, FindingCode},
    library::{describe, platform::emulator},
    mcp::{client::Client, era::Era},
    process::{
        child,
        host::{HostProcess, HostStartError},
        temp_dir,
    },
    static_check::subject::Subject,
    terminal::progress::spinner,
};

/// Opens every plugin, then serves all of them. Returns the tools that the host lists.
pub(super) fn check(
    subject: &Subject,
    args: &args::layer::Check,
    findings: &mut Vec<Finding>,
    not_seen: &mut Vec<String>,
) -> anyhow::Result<Vec<String>> {
    let opt = temp_dir::create()?;
    for layer in &subject.layers {
        read::unpack(&layer.archive.path, opt.path())?;
    }
    let lib = opt.path().join("lib");
    // Create the folder even if no layer has a plugin: the host then reports that.
    fs_err::create_dir_all(&lib)?;
    let cpu = subject.cpu().unwrap_or(std::env::consts::ARCH);
    let Some(host) = ServingHost::find(subject, cpu, opt.path())? else {
        not_seen.push(format!(
            "the running plugins: they are for {cpu}, and opening them here requires --host function.zip and qemu-{cpu}"
        ));
        return Ok(Vec::new());
    };
    let timeout = Duration::from_secs(args.patience);
    let layers = UnpackedLayers(subject, opt.path());
    if host.is_native() {
        for layer in &subject.layers {
            for plugin in layer.plugins_for(cpu) {
                check_opens(&lib.join(plugin), &layers, timeout, findings)?;
            }
        }
    }
    let ends_host = |finding: &Finding| {
        let codes = [FindingCode::PluginCrashed, FindingCode::PluginHangs].map(FindingCode::as_str);
        codes.contains(&finding.code.as_str())
    };
    if findings.iter().any(ends_host) {
        not_seen.push("all plugins together: one of them ends the host".to_owned());
        return Ok(Vec::new());
    }
    check_serves(&host, &layers, args, findings)
}

/// Opens each plugin in a separate process, so that a crash or another effect can be attributed to it.
fn check_opens(
    plugin: &Path,
    layers: &UnpackedLayers<'_>,
    timeout: Duration,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let Err(error) = describe::describe(plugin, Some(&layers.lib_dir()), timeout) else {
        return Ok(());
    };
    let finding =
        |code: &str, message: String| finding_for(code, layers.with_archive_paths(&message));
    match error.downcast::<CliError>()? {
        CliError::Declaration { path, problems } => {
            for problem in problems {
                let message = format!(
                    "{}: {problem}; fix it and rebuild the plugin",
                    path.display()
                );
                findings.push(finding("PLUGIN_DECLARATION_INVALID", message));
            }
        }
        failure => findings.push(finding(failure.code(), failure.to_string())),
    }
    Ok(())
}

/// Serves all plugins with all tools.
fn check_serves(
    host: &ServingHost,
    layers: &UnpackedLayers<'_>,
    args: &args::layer::Check,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<Vec<String>> {
    let lib = layers.lib_dir();
    let mut command = match &host.emulator {
        Some(emulator) => {
            let mut command = child::lambda_command(emulator, &lib);
            // Remove it from the environment of the emulator, which would use it for its own libraries.
            command.env_remove("LD_LIBRARY_PATH");
            command.arg(&host.program);
            command
        }
        None => child::lambda_command(&host.program, &lib),
    };
    command.args(host.argument);
    command.env("MCP_PLUGIN_DIR", &lib);
    command
        .env("MCP_ON_BAD_PLUGIN", "stop")
        .env("MCP_PRELOAD", "all");
    for (variable, list) in [
        ("ENTRY_FILE", &args.entry_file),
        ("TOOLS_LIST", &args.tools_list),
    ] {
        if !list.is_empty() {
            command.env(variable, list.join(","));
        }
    }
    let _spinner = spinner("serving all plugins");
    let process = match HostProcess::start(
        &mut command,
        None,
        Duration::from_secs(args.patience),
        |_| {},
    )? {
        Ok(process) => process,
        Err(problem) => {
            let problems = match problem {
                HostStartError::Refused(problems) => problems,
                HostStartError::Crashed(output) => {
                    vec![(
                        FindingCode::PluginCrashed.as_str().to_owned(),
                        format!("the host that serves all plugins ended with {output}"),
                    )]
                }
                HostStartError::Hangs => {
                    vec![(
                        FindingCode::PluginHangs.as_str().to_owned(),
                        "the host that serves all plugins does not start listening".to_owned(),
                    )]
                }
            };
            for (code, message) in problems {
                push_unless_known(
                    findings,
                    finding_for(&code, layers.with_archive_paths(&message)),
                );
            }
            return Ok(Vec::new());
        }
    };
    let mut names = Vec::new();
    for era in [Era::Legacy, Era::Modern] {
        let tools = Client::new(&process.url, era, &[], false).tools()?;
        let listed = tools.iter().filter_map(|tool| tool["name"].as_str());
        names = listed.map(str::to_owned).collect();
    }
    Ok(names)
}

/// Adds a finding, unless there already is one about the same file with the same code.
fn push_unless_known(findings: &mut Vec<Finding>, finding: Finding) {
    let about = file_in(&finding.message);
    let same = |known: &Finding| known.code == finding.code && file_in(&known.message) == about;
    if about.is_none() || !findings.iter().any(same) {
        findings.push(finding);
    }
}

/// Returns the file that a message is about.
fn file_in(message: &str) -> Option<&str> {
    let begin = message.find(": lib/")? + ": ".len();
    message[begin..].split(':').next()
}

/// Returns the finding for an error in the live check. The host's messages already end with the remedy.
fn finding_for(code: &str, message: String) -> Finding {
    let is = |known: FindingCode| code == known.as_str();
    match code {
        _ if is(FindingCode::PluginCrashed) => Finding::new(
            FindingCode::PluginCrashed,
            message,
            "open it in a debugger, `gdb --args cargo-layer __describe lib.so out.json`, or leave it out with --entry-file",
        ),
        _ if is(FindingCode::PluginHangs) => Finding::new(
            FindingCode::PluginHangs,
            message,
            "reduce the work of its constructors and of its `export_tools!` state, or wait longer with --patience",
        ),
        _ => Finding::from_host(code, message),
    }
}

/// The layers, and the folder into which they are unpacked.
struct UnpackedLayers<'a>(&'a Subject, &'a Path);

impl UnpackedLayers<'_> {
    fn lib_dir(&self) -> PathBuf {
        self.1.join("lib")
    }

    /// Returns a message that names files of the layers instead of unpacked files.
    fn with_archive_paths(&self, message: &str) -> String {
        let layers = self.0.layers.iter().map(|layer| &layer.archive);
        read::with_archive_paths(message, layers, self.1)
    }
}

/// The host for the live check.
struct ServingHost {
    program: PathBuf,
    /// The argument with which this program runs as a host.
    argument: Option<&'static str>,
    /// The emulator, if the host is for another CPU.
    emulator: Option<PathBuf>,
}

impl ServingHost {
    /// Finds the host of the function; if there is none, uses this program, which contains the host. `None` if neither
    /// can run here.
    fn find(subject: &Subject, cpu: &str, opt: &Path) -> anyhow::Result<Option<Self>> {
        let is_native = cpu == std::env::consts::ARCH;
        let emulator = if is_native { None } else { emulator(cpu) };
        // Prefer the host in the function's own code to one in a layer.
        let mut all = subject.host.iter().chain(&subject.layers);
        let bootstrap = all.find_map(|layer| {
            // Ignore a `bootstrap` with problems, which have already been reported.
            layer
                .libraries
                .iter()
                .find(|library| library.path == "bootstrap")?;
            let mut files = layer.archive.files.iter();
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
