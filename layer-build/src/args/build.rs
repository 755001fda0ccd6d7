//! Flags of the verbs that create and build: `new`, `build`, `host` and `dev`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};

use crate::{
    build::{layer::MetadataOptions, packages::PackageSelection, sdk_source::SdkSource},
    library::{
        glibc::Glibc,
        platform::{self, Arch},
    },
};

/// Make a plugin crate with one tool and its test
///
/// Runs `cargo new`. Inside a workspace the crate becomes a member.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to create; the crate gets the name of the folder
    #[arg(value_name = "NAME")]
    pub(crate) path: PathBuf,
    /// The source of plugin-sdk: a folder, the URL[#REVISION] of a repository, or a version [default: the source of
    /// this program]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) sdk: Option<SdkSource>,
    /// Add a workflow that tests the plugin, builds and checks its layer, and compares it with the last release
    #[arg(long, value_enum)]
    pub(crate) ci: Option<Ci>,
}

/// The service that runs the workflow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Ci {
    /// GitHub Actions, in .github/workflows
    Github,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Packages {
    /// Build this plugin; may be repeated [default: every plugin of the package or workspace]
    #[arg(short = 'p', long = "package", value_name = "PKG")]
    pub(crate) packages: Vec<String>,
    /// The Cargo.toml to start from [default: that of the current folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}

impl Packages {
    pub(crate) fn selection(&self) -> PackageSelection {
        PackageSelection {
            names: self.packages.clone(),
            manifest_path: self.manifest_path.clone(),
        }
    }
}

/// The platform of the function.
#[derive(Debug, Args)]
pub(crate) struct Platform {
    /// The CPU of the function [default: that of this machine]
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Arch>,
    /// The glibc of the function's system, or an older one [default: 2.34, that of Amazon Linux 2023]
    #[arg(long, value_name = "VERSION")]
    pub(crate) glibc: Option<Glibc>,
}

impl Platform {
    pub(crate) fn resolved(&self) -> platform::Platform {
        let default = platform::Platform::native();
        platform::Platform {
            arch: self.arch.unwrap_or(default.arch),
            glibc: self.glibc.unwrap_or(default.glibc),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The file to write the layer to; its symbols are written next to it, into layer.symbols
    #[arg(long, value_name = "FILE", default_value = "layer.zip")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) platform: Platform,
    /// Add this shared library for plugins to load; may be repeated
    #[arg(long = "include", value_name = "FILE")]
    pub(crate) includes: Vec<PathBuf>,
    /// The layer's name, which clients see as the name of the server [default: that of the plugin, or `tools` for
    /// several plugins]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The layer's version [default: that of the plugins, if all have the same]
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// The tools to serve if TOOLS_LIST is not set, in the same syntax [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
}

impl Build {
    pub(crate) fn metadata(&self) -> MetadataOptions {
        MetadataOptions {
            name: self.name.clone(),
            version: self.version.clone(),
            tools: self.tools.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Host {
    /// The file to write it to [default: function.zip, or host-layer.zip with --as-layer]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) platform: Platform,
    /// Make a layer instead: Lambda also finds `bootstrap` in a layer, and several functions can share it
    #[arg(long)]
    pub(crate) as_layer: bool,
}

/// Build plugins and serve their tools on this machine
///
/// Builds and serves again after each change of a source. If a build or a start fails, the previous layer is still
/// served. Prints the URL, and the configuration of MCP clients for it.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The address to listen on; port 0 uses a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = host::transport::serve::DEFAULT_LISTEN)]
    pub(crate) listen: SocketAddr,
    /// Run the host as a Lambda function behind this front door
    #[arg(long, value_enum, value_name = "DOOR")]
    pub(crate) event: Option<FrontDoorKind>,
    /// Serve the client that starts this program, over stdin and stdout, without watching for changes
    #[arg(long, conflicts_with_all = ["listen", "event"])]
    pub(crate) stdio: bool,
    /// A file with environment variables for the tools, one NAME=value per line; variables of the shell have precedence
    /// [default: .env next to the Cargo.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
}

/// The front door that sends events to a function.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FrontDoorKind {
    /// An API Gateway REST API, with the stage `prod`
    Rest,
    /// An API Gateway HTTP API
    Http,
    /// A Function URL that buffers the response
    Url,
    /// A Function URL that streams: notifications of a tool arrive while it runs
    UrlStream,
    /// An Application Load Balancer
    Alb,
}
