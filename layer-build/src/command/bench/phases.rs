//! Measures the phases of a cold start. In each round they are measured one after the other, each in a new environment.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::Context;
use lambda_local::{Function, FunctionConfig};
use serde_json::{Value, json};

use crate::{args, terminal::progress::spinner};

/// A phase with its times, one for each round. Unit: microseconds.
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) times: Vec<f64>,
}

/// A function to measure: the time from the start of its process to the first request for an event, and optionally the
/// time of one invocation after that.
struct MeasuredFunction {
    start: Phase,
    first: Option<(Phase, Value)>,
    function: Function,
}

/// Measures the phases with the layers in this folder. In the first phase, only the host is started, and it prints its
/// version. (Without plugins it does not serve.)
pub(super) fn measure(
    host: &(PathBuf, Option<&str>),
    opt: &Path,
    args: &args::layer::Bench,
) -> anyhow::Result<Vec<Phase>> {
    let lib = opt.join("lib");
    fs_err::create_dir_all(&lib)?;
    let mut alone = Phase::new("the host alone");
    let measured = |name: &str, first: Option<(&str, Value)>, variables: &[(&str, &str)]| {
        let mut config = FunctionConfig::new(&host.0);
        config.arguments.extend(host.1.map(str::to_owned));
        let variables = variables.iter();
        let config = variables.fold(config, |config, &(name, value)| config.env(name, value));
        MeasuredFunction {
            start: Phase::new(name),
            first: first.map(|(name, message)| (Phase::new(name), message)),
            function: Function::new(config),
        }
    };
    let lib = lib.to_string_lossy();
    let (entry_file, tools_list) = (args.entry_file.join(","), args.tools_list.join(","));
    let selected = [
        ("MCP_PLUGIN_DIR", lib.as_ref()),
        ("ENTRY_FILE", &entry_file),
        ("TOOLS_LIST", &tools_list),
        ("MCP_ON_BAD_PLUGIN", "stop"),
    ];
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let mut functions = vec![
        measured(
            "start, plugins unopened",
            Some(("first tools/list", list)),
            &selected,
        ),
        measured(
            "start, all plugins opened (MCP_PRELOAD=all)",
            None,
            &[&selected[..], &[("MCP_PRELOAD", "all")]].concat(),
        ),
    ];
    for plugin in plugin_files(&lib)? {
        let variables = [
            ("MCP_PLUGIN_DIR", lib.as_ref()),
            ("ENTRY_FILE", &plugin),
            ("MCP_ON_BAD_PLUGIN", "stop"),
            ("MCP_PRELOAD", "all"),
        ];
        functions.push(measured(
            &format!("start with {plugin} alone, opened"),
            None,
            &variables,
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let _spinner = spinner("measuring");
        // Do not count the first round, which fills the caches of the system.
        for round in 0..=args.rounds {
            let took = time_version(host)?;
            if round > 0 {
                alone.times.push(took);
            }
            for measured in &mut functions {
                measured.measure_once(round > 0).await?;
            }
        }
        anyhow::Ok(())
    })?;
    let phases = functions.into_iter().flat_map(|measured| {
        let first = measured.first.map(|(phase, _)| phase);
        [measured.start].into_iter().chain(first)
    });
    Ok([alone].into_iter().chain(phases).collect())
}

/// Returns the time that the program takes to print its version. Unit: microseconds.
fn time_version((program, argument): &(PathBuf, Option<&str>)) -> anyhow::Result<f64> {
    let started_at = Instant::now();
    let mut command = Command::new(program);
    command.args(*argument).arg("--version");
    let status = command.stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("{} cannot be run", program.display()))?;
    anyhow::ensure!(status.success(), "{} --version fails", program.display());
    Ok(started_at.elapsed().as_secs_f64() * 1e6)
}

impl Phase {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            times: Vec::new(),
        }
    }
}

/// Returns the libraries that the manifests list as plugins. (Other libraries are needed by plugins.)
fn plugin_files(lib: &str) -> anyhow::Result<Vec<String>> {
    let mut plugins = Vec::new();
    for entry in fs_err::read_dir(lib)? {
        let path = entry?.path();
        if !path.to_string_lossy().ends_with(".layer.json") {
            continue;
        }
        let manifest: Value = serde_json::from_slice(&fs_err::read(&path)?)?;
        let listed = manifest["plugins"].as_array().into_iter().flatten();
        let files = listed.filter_map(|plugin| plugin["file"].as_str());
        plugins.extend(files.map(str::to_owned));
    }
    plugins.sort_unstable();
    Ok(plugins)
}

impl MeasuredFunction {
    async fn measure_once(&mut self, is_counted: bool) -> anyhow::Result<()> {
        let started_at = Instant::now();
        self.function.warm_up().await?;
        let started = started_at.elapsed();
        if is_counted {
            self.start.times.push(started.as_secs_f64() * 1e6);
        }
        if let Some((phase, message)) = &mut self.first {
            let started_at = Instant::now();
            let answer = self.function.invoke(message).await?.json()?;
            let taken = started_at.elapsed();
            anyhow::ensure!(
                answer["result"].is_object(),
                "{}: the response has no result: {answer}",
                phase.name
            );
            if is_counted {
                phase.times.push(taken.as_secs_f64() * 1e6);
            }
        }
        self.function.stop().await;
        Ok(())
    }
}
