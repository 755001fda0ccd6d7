//! `cargo layer check`: one fault each, and its finding.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    bootstrap, cargo_layer, declaration, manifest, output_of, replace_bytes, script, scripted, tool,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Archives in a separate folder.
struct Archives(TempDir);

/// A file to pack: its path, its mode, its content.
type Packed<'a> = (&'a str, u32, &'a [u8]);

impl Archives {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Packs files, compressed or not.
    fn pack(&self, name: &str, method: CompressionMethod, files: &[Packed<'_>]) -> PathBuf {
        let path = self.path(name);
        let mut zip = ZipWriter::new(fs_err::File::create(&path).expect("a file"));
        for (file, mode, content) in files {
            let options = SimpleFileOptions::default()
                .compression_method(method)
                .unix_permissions(*mode);
            zip.start_file(*file, options).expect("a file to pack");
            zip.write_all(content).expect("a file to pack");
        }
        zip.finish().expect("an archive");
        path
    }

    /// Creates a layer of a good plugin, with these additional files.
    fn layer(&self, name: &str, more: &[Packed<'_>]) -> PathBuf {
        let declaration = declaration(&[tool("hello")]);
        let library = stripped(&scripted(&script(&declaration)));
        let manifest = manifest("good", "libgood.so", &library, &declaration).to_string();
        let good: [Packed<'_>; 2] = [
            ("lib/libgood.so", 0o644, &library),
            ("lib/good.layer.json", 0o644, manifest.as_bytes()),
        ];
        self.pack(name, CompressionMethod::Deflated, &[&good, more].concat())
    }

    /// Creates a layer of this library alone, with a manifest that lists it.
    fn layer_of(&self, library: &[u8], declaration: &Value) -> PathBuf {
        let manifest = manifest("sin", "libsin.so", library, declaration).to_string();
        let files: [Packed<'_>; 2] = [
            ("lib/libsin.so", 0o644, library),
            ("lib/sin.layer.json", 0o644, manifest.as_bytes()),
        ];
        self.pack("layer.zip", CompressionMethod::Deflated, &files)
    }

    /// Returns the findings in these layers.
    fn found(&self, layers: &[&Path], options: &[&str]) -> String {
        let mut command = Command::new(cargo_layer());
        let output = command
            .args(["layer", "check"])
            .args(layers)
            .args(options)
            .output()
            .expect("cargo-layer can be run");
        let printed = String::from_utf8(output.stdout).expect("text");
        let found: Vec<_> = printed
            .lines()
            .take_while(|line| {
                ["error[", "warning[", "  help: "]
                    .iter()
                    .any(|begin| line.starts_with(begin))
            })
            .collect();
        let found = found.join("\n");
        let fails = found.contains("error[");
        assert_eq!(output.status.code(), Some(i32::from(fails)), "{printed}");
        assert!(printed.contains("not checked:"), "{printed}");
        found.replace(&self.0.path().display().to_string(), "[dir]")
    }
}

/// Returns a library without the symbols that only debuggers read.
fn stripped(library: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lib.so");
    fs_err::write(&path, library).expect("a file");
    output_of(Command::new("strip").arg(&path));
    fs_err::read(&path).expect("the same file")
}

/// Returns a good plugin's library.
fn good() -> Vec<u8> {
    stripped(&scripted(&script(&declaration(&[tool("hello")]))))
}

/// Compiles a library from C.
fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, library) = (folder.path().join("code.c"), folder.path().join("lib.so"));
    fs_err::write(&code, source).expect("a file");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-s", "-o"])
        .arg(&library)
        .arg(&code);
    output_of(cc.args(flags));
    fs_err::read(&library).expect("the library was built")
}

/// Compiles a library that looks like a plugin, and runs this code when it is opened.
fn opening(action: &str) -> Vec<u8> {
    let source = format!(
        "#include <stdlib.h>\n#include <unistd.h>\nlong _1as_0lib_1header_0root_bmodule_bloader[16];\n\
         __attribute__((constructor)) static void opened(void) {{ {action}; }}\n"
    );
    compiled(&source, &[])
}

#[test]
fn the_example_layers_have_nothing_to_find() {
    let archives = Archives::new();
    let program = fs_err::read(bootstrap()).expect("bootstrap");
    let function = archives.pack(
        "function.zip",
        CompressionMethod::Deflated,
        &[("bootstrap", 0o755, &program)],
    );
    for packages in [&["custom-tools"][..], &["time-tools", "http-tools"]] {
        let layer = archives.path("layer.zip");
        let mut build = Command::new(cargo_layer());
        build.args(["build", "--out"]).arg(&layer);
        build.args(packages.iter().flat_map(|package| ["--package", *package]));
        output_of(build.current_dir(tests::repository()));
        let mut check = Command::new(cargo_layer());
        check.args(["check", "--strict", "--json"]).arg(&layer);
        check.arg("--host").arg(&function);
        let report: Value = serde_json::from_str(&output_of(&mut check)).expect("JSON");
        assert_eq!(report["findings"], json!([]));
        assert_eq!(report["passed"], true);
        let tools = report["tools"].as_array().expect("tools");
        assert!(!tools.is_empty(), "{report}");
    }
}

#[test]
fn the_layer_without_faults_passes() {
    let archives = Archives::new();
    let layer = archives.layer("my layer.zip", &[]);
    assert_eq!(archives.found(&[&layer], &["--strict"]), "");
}

#[test]
fn invalid_escaping_and_unreadable_archives_are_found() {
    let archives = Archives::new();
    let garbage = archives.path("garbage.zip");
    fs_err::write(&garbage, "garbage").expect("a file");
    assert_snapshot!(archives.found(&[&garbage], &[]), @"
    error[ARCHIVE_INVALID]: [dir]/garbage.zip: not an archive that can be read: invalid Zip archive: Could not find EOCD
      help: build it again, or copy it again
    ");
    let out = archives.layer("out.zip", &[("../evil", 0o644, b"evil")]);
    assert_snapshot!(archives.found(&[&out], &[]), @"
    error[ARCHIVE_PATH]: [dir]/out.zip: ../evil: a path that leads out of the archive
      help: pack the files with relative paths, as `cargo layer build` does
    ");
    let escapes = archives.layer("escapes.zip", &[("../\u{1b}[31m", 0o644, b"")]);
    assert_snapshot!(archives.found(&[&escapes], &[]), @r"
    error[ARCHIVE_PATH]: [dir]/escapes.zip: ../\u{1b}[31m: a path that leads out of the archive
      help: pack the files with relative paths, as `cargo layer build` does
    ");
    let secret = archives.layer("secret.zip", &[("lib/data.txt", 0o600, b"text")]);
    assert_snapshot!(archives.found(&[&secret], &[]), @"
    error[ARCHIVE_MODE]: [dir]/secret.zip: lib/data.txt: has the mode 600, so a function cannot read it
      help: pack files with mode 644 and folders with 755, as `cargo layer build` does
    ");
}

#[test]
fn sizes_over_lambdas_limits_are_found() {
    let archives = Archives::new();
    let layers: Vec<_> = (0..6)
        .map(|number| archives.layer(&format!("{number}.zip"), &[]))
        .collect();
    let layers: Vec<_> = layers.iter().map(PathBuf::as_path).collect();
    assert_snapshot!(archives.found(&layers, &[]), @"
    error[LAYERS_TOO_MANY]: 6 layers, but a function can have at most 5
      help: build several plugins into one layer: `cargo layer build -p ONE -p TWO`
    ");

    let large = vec![0; 251 << 20];
    let layer = archives.layer("large.zip", &[("data", 0o644, &large)]);
    let found = archives.found(&[&layer], &[]);
    // The size of the plugin depends on the folder in which it was built.
    let (before, bytes) = found.split_once(": ").expect("what, and how much");
    let (bytes, after) = bytes.split_once(' ').expect("a number of bytes");
    let bytes: usize = bytes.parse().expect("a number of bytes");
    assert!(bytes > large.len(), "{found}");
    assert_snapshot!(format!("{before}: [bytes] {after}"), @"
    error[LAYERS_TOO_LARGE]: [bytes] bytes unzipped, but function and layers together can have at most 262144000
      help: leave out plugins, or files that they include
    ");

    let incompressible = archives.pack(
        "incompressible.zip",
        CompressionMethod::Stored,
        &[("data", 0o644, &large[..51 << 20])],
    );
    let layer = archives.layer("layer.zip", &[]);
    assert_snapshot!(archives.found(&[&layer, &incompressible], &[]), @"
    warning[UPLOAD_TOO_LARGE]: [dir]/incompressible.zip: 53477482 bytes, but at most 52428800 can be uploaded directly
      help: upload it through S3: `--content S3Bucket=...,S3Key=...` instead of `--zip-file`
    ");

    let list = vec!["hello"; 700].join(",");
    assert_snapshot!(archives.found(&[&layer], &["--tools-list", &list]), @"
    error[ENVIRONMENT_TOO_LARGE]: ENTRY_FILE and TOOLS_LIST take 4209 bytes, but all variables of a function may take at most 4096
      help: write patterns in TOOLS_LIST, such as `get*`, or build the layer's default tools into it: `cargo layer build --tools`
    ");
}

#[test]
fn invalid_functions_are_found() {
    let archives = Archives::new();
    let layer = archives.layer("layer.zip", &[]);
    let function = |name: &str, file: Packed<'_>| {
        let path = archives.pack(name, CompressionMethod::Deflated, &[file]);
        archives.found(&[&layer], &["--host", &path.display().to_string()])
    };
    let program = fs_err::read(bootstrap()).expect("bootstrap");
    assert_eq!(function("good.zip", ("bootstrap", 0o755, &program)), "");
    assert_snapshot!(function("empty.zip", ("other", 0o755, &program)), @"
    error[FUNCTION_INVALID]: [dir]/empty.zip: has no file `bootstrap`
      help: build it with `cargo layer host`
    ");
    assert_snapshot!(function("mode.zip", ("bootstrap", 0o644, &program)), @"
    error[FUNCTION_INVALID]: [dir]/mode.zip: `bootstrap` is not executable for everyone
      help: build it with `cargo layer host`
    ");
    assert_snapshot!(function("script.zip", ("bootstrap", 0o755, b"#!/bin/sh\nexit 1\n")), @"
    error[FUNCTION_INVALID]: [dir]/script.zip: `bootstrap` is not a program
      help: build it with `cargo layer host`
    ");
}

#[test]
fn libraries_that_amazon_linux_2023_cannot_open_are_found() {
    let archives = Archives::new();
    let declaration = declaration(&[tool("hello")]);
    let text = String::from_utf8_lossy(&good()).into_owned();
    let newest = ["GLIBC_2.34", "GLIBC_2.33", "GLIBC_2.32", "GLIBC_2.28"];
    let newest = newest.iter().find(|version| text.contains(**version));
    let newest = newest.expect("it needs a glibc that is not very old");
    let newer = replace_bytes(good(), newest.as_bytes(), b"GLIBC_2.99");
    let found = archives.found(&[&archives.layer_of(&newer, &declaration)], &[]);
    // The symbols depend on the compiler, and the path of the C library on the system.
    let (begin, rest) = found.split_once(" for ").expect("symbols");
    let (_, end) = rest.split_once(", but Amazon").expect("what there is");
    let (end, _) = end
        .split_once("dlopen failed: ")
        .expect("the loader's words");
    assert_snapshot!(format!("{begin} for [symbols], but Amazon{end}"), @"
    error[GLIBC_TOO_NEW]: [dir]/layer.zip: lib/libsin.so: needs GLIBC_2.99 for [symbols], but Amazon Linux 2023 has GLIBC_2.34
      help: build it on a system with an older glibc, such as Debian 12 or Amazon Linux 2023
    error[PLUGIN_LOAD_FAILED]: [dir]/layer.zip: lib/libsin.so: cannot be opened:
    ");

    let lonely = replace_bytes(good(), b"libgcc_s.so.1", b"libgcc_x.so.1");
    let layer = archives.layer_of(&lonely, &declaration);
    assert_snapshot!(archives.found(&[&layer], &[]), @"
    error[LIBRARY_MISSING]: [dir]/layer.zip: lib/libsin.so: needs libgcc_x.so.1, which is in no layer and is not known to be on Amazon Linux 2023
      help: link it statically, put it into `lib` of a layer, or pass --system-library if the function's system has it
    error[PLUGIN_LOAD_FAILED]: [dir]/layer.zip: lib/libsin.so: cannot be opened: dlopen failed: libgcc_x.so.1: cannot open shared object file: No such file or directory; link what is missing, or put it into the layer
    ");
    // `--system-library` removes the finding, but the loader here still fails.
    assert_snapshot!(archives.found(&[&layer], &["--system-library", "libgcc_x.so.1"]), @"error[PLUGIN_LOAD_FAILED]: [dir]/layer.zip: lib/libsin.so: cannot be opened: dlopen failed: libgcc_x.so.1: cannot open shared object file: No such file or directory; link what is missing, or put it into the layer");
    // A library of the layer's own is found where the plugin is.
    let brings = archives.layer(
        "brings.zip",
        &[("lib/libgcc_x.so.1", 0o644, &compiled("int f;", &[]))],
    );
    let found = archives.found(&[&brings, &layer], &[]);
    assert!(!found.contains("LIBRARY_MISSING"), "{found}");
}

#[test]
fn hardening_problems_and_unstripped_libraries_are_found() {
    let archives = Archives::new();
    let with = |library: &[u8]| {
        let layer = archives.layer("layer.zip", &[("lib/libsin.so", 0o644, library)]);
        archives.found(&[&layer], &[])
    };
    assert_eq!(with(&compiled("int f(void) { return 1; }", &[])), "");
    assert_snapshot!(with(&compiled("int f(void) { return 1; }", &["-Wl,-z,execstack"])), @r#"
    warning[EXECUTABLE_STACK]: [dir]/layer.zip: lib/libsin.so: requires an executable stack, which hardened systems refuse
      help: add `.section .note.GNU-stack,"",@progbits` to its assembler code, or link it with `-z noexecstack`
    "#);
    let relocated = "int x; __attribute__((section(\".text#\"))) int *p = &x;";
    assert_snapshot!(with(&compiled(relocated, &["-Wl,-z,notext"])), @"
    warning[TEXT_RELOCATIONS]: [dir]/layer.zip: lib/libsin.so: has text relocations: the loader has to change its code, which hardened systems forbid
      help: compile all of its code, also in C or assembler, with -fPIC
    ");
    assert_snapshot!(with(&compiled("int f;", &["-Wl,-rpath,$ORIGIN:/home/me/lib"])), @"
    warning[RUN_PATH_FOREIGN]: [dir]/layer.zip: lib/libsin.so: looks for libraries in /home/me/lib, a folder of the machine it was built on
      help: link it without `-rpath`, or with `-rpath '$ORIGIN'`
    ");
    let debuggable = scripted(&script(&declaration(&[tool("hello")])));
    let layer = archives.layer_of(&debuggable, &declaration(&[tool("hello")]));
    assert_snapshot!(archives.found(&[&layer], &[]), @"
    warning[NOT_STRIPPED]: [dir]/layer.zip: lib/libsin.so: contains symbols that only debuggers read; it is larger and opens more slowly
      help: build it with `cargo layer build`, or strip it
    ");
}

#[test]
fn damaged_and_foreign_libraries_are_found() {
    let archives = Archives::new();
    let with = |library: &[u8]| {
        let layer = archives.layer("layer.zip", &[("lib/libsin.so", 0o644, library)]);
        let found = archives.found(&[&layer], &[]);
        found
            .replace("x86_64", "[this]")
            .replace("aarch64", "[other]")
    };
    let mut foreign = good();
    // `e_machine`: 183 is EM_AARCH64, 62 EM_X86_64.
    foreign[18] = if cfg!(target_arch = "x86_64") {
        183
    } else {
        62
    };
    let found = with(&foreign);
    let found = if cfg!(target_arch = "x86_64") {
        found
    } else {
        found
            .replace("[this]", "[]")
            .replace("[other]", "[this]")
            .replace("[]", "[other]")
    };
    assert_snapshot!(found, @"
    error[CPU_MIXED]: [dir]/layer.zip: lib/libsin.so: for [other], but the others are for [this]
      help: build everything for the function's architecture
    warning[PLUGIN_UNDECLARED]: [dir]/layer.zip: lib/libsin.so: a plugin that no manifest lists; the host opens it at startup, which is slower
      help: build the layer with `cargo layer build`
    ");
    let library = good();
    assert_snapshot!(with(&library[..40]), @"
    error[LIBRARY_UNREADABLE]: [dir]/layer.zip: lib/libsin.so: an ELF file that cannot be read: Invalid ELF header size or alignment
      help: copy or build it again
    warning[PLUGIN_DAMAGED]: [dir]/layer.zip: lib/libsin.so: damaged: its header is incomplete; copy or build it again
    ");
    let truncated = with(&library[..library.len() / 2]);
    assert!(truncated.contains("error[LIBRARY_UNREADABLE]: [dir]/layer.zip: lib/libsin.so: an ELF file that cannot be read: "), "{truncated}");
    assert!(truncated.contains("warning[PLUGIN_TRUNCATED]: [dir]/layer.zip: lib/libsin.so: truncated: a segment ends at byte "), "{truncated}");
    let without_sections = {
        let mut library = good();
        // `e_shoff`, `e_shnum` and `e_shstrndx`.
        library[40..48].fill(0);
        library[60..64].fill(0);
        library
    };
    let layer = archives.layer_of(&without_sections, &declaration(&[tool("hello")]));
    assert_snapshot!(archives.found(&[&layer], &[]), @"
    error[LIBRARY_UNREADABLE]: [dir]/layer.zip: lib/libsin.so: has no section table, so its needs cannot be read
      help: copy or build it again; strip it with `strip`, which keeps the table
    ");
    assert_snapshot!(with(b"no library"), @"warning[PLUGIN_NOT_A_LIBRARY]: [dir]/layer.zip: lib/libsin.so: not a shared library (no ELF header); rebuild the layer");
}

#[test]
fn misplaced_undeclared_and_overwritten_plugins_are_found() {
    let archives = Archives::new();
    let other = stripped(&scripted(&script(&declaration(&[tool("other")]))));
    let misplaced = archives.layer("misplaced.zip", &[("libother.so", 0o644, &other)]);
    assert_snapshot!(archives.found(&[&misplaced], &[]), @"
    error[PLUGIN_MISPLACED]: [dir]/misplaced.zip: libother.so: a plugin outside of `lib`, where the host does not look
      help: put it into `lib`, at the top of the archive
    ");
    let undeclared = archives.layer("undeclared.zip", &[("lib/libother.so", 0o644, &other)]);
    assert_snapshot!(archives.found(&[&undeclared], &[]), @"
    warning[PLUGIN_UNDECLARED]: [dir]/undeclared.zip: lib/libother.so: a plugin that no manifest lists; the host opens it at startup, which is slower
      help: build the layer with `cargo layer build`
    ");
    let first = archives.layer("first.zip", &[]);
    let manifest = manifest(
        "another",
        "libgood.so",
        &other,
        &declaration(&[tool("other")]),
    );
    let second = archives.pack(
        "second.zip",
        CompressionMethod::Deflated,
        &[
            ("lib/libgood.so", 0o644, &other),
            (
                "lib/another.layer.json",
                0o644,
                manifest.to_string().as_bytes(),
            ),
        ],
    );
    assert_snapshot!(archives.found(&[&first, &second], &[]), @"
    warning[FILE_OVERWRITTEN]: [dir]/second.zip: lib/libgood.so: overwrites another file of this name in [dir]/first.zip
      help: give the plugins different names, and the layers different names with --name
    error[PLUGIN_OVERWRITTEN]: [dir]/second.zip: lib/libgood.so: [dir]/second.zip: lib/another.layer.json has another file of this name, so that one layer has overwritten the other's; leave out one layer, or rename a plugin's crate
    ");
    // In the other order the other layer is the later one. The same layer twice does no harm.
    assert!(
        archives
            .found(&[&second, &first], &[])
            .contains("[FILE_OVERWRITTEN]")
    );
    assert_eq!(archives.found(&[&first, &first], &["--strict"]), "");
}

#[test]
fn plugins_that_crash_or_hang_on_opening_are_found() {
    let archives = Archives::new();
    let declaration = declaration(&[tool("hello")]);
    let layer = archives.layer_of(&opening("abort()"), &declaration);
    assert_snapshot!(archives.found(&[&layer], &[]), @"
    error[PLUGIN_CRASHED]: [dir]/layer.zip: lib/libsin.so: opening it ended with signal: 6 (SIGABRT)
      help: open it in a debugger, `gdb --args cargo-layer __describe lib.so out.json`, or leave it out with --entry-file
    ");
    let layer = archives.layer_of(&opening("_exit(0)"), &declaration);
    assert_snapshot!(archives.found(&[&layer], &[]), @"
    error[PLUGIN_CRASHED]: [dir]/layer.zip: lib/libsin.so: it ended the process while it was opened
      help: open it in a debugger, `gdb --args cargo-layer __describe lib.so out.json`, or leave it out with --entry-file
    ");
    let layer = archives.layer_of(&opening("pause()"), &declaration);
    assert_snapshot!(archives.found(&[&layer], &["--patience", "1"]), @"
    error[PLUGIN_HANGS]: [dir]/layer.zip: lib/libsin.so: opening it did not finish within 1 seconds
      help: reduce the work of its constructors and of its `export_tools!` state, or wait longer with --patience
    ");
}

#[test]
fn links_are_what_they_lead_to_unless_they_lead_out() {
    let archives = Archives::new();
    let library = good();
    let manifest = manifest(
        "good",
        "libgood.so",
        &library,
        &declaration(&[tool("hello")]),
    );
    let linked = |name: &str, target: &str| {
        let path = archives.path(name);
        let mut zip = ZipWriter::new(fs_err::File::create(&path).expect("a file"));
        let options = SimpleFileOptions::default().unix_permissions(0o644);
        let manifest = manifest.to_string();
        let files: [(&str, &[u8]); 2] = [
            ("lib/good.layer.json", manifest.as_bytes()),
            ("lib/real/libgood.so", &library),
        ];
        for (file, content) in files {
            zip.start_file(file, options).expect("a file to pack");
            zip.write_all(content).expect("a file to pack");
        }
        let options = SimpleFileOptions::default();
        zip.add_symlink("lib/libgood.so", target, options)
            .expect("a link");
        zip.finish().expect("an archive");
        path
    };
    let good = linked("good.zip", "real/libgood.so");
    assert_eq!(archives.found(&[&good], &["--strict"]), "");
    let inspected = output_of(Command::new(cargo_layer()).arg("inspect").arg(&good));
    assert!(inspected.contains("hello"), "{inspected}");
    for target in ["../../libgood.so", "/opt/lib/real/libgood.so"] {
        let out = archives.found(&[&linked("out.zip", target)], &[]);
        assert!(
            out.starts_with("error[ARCHIVE_PATH]: [dir]/out.zip: lib/libgood.so: a link that leads out of the archive\n  help: "),
            "{out}"
        );
    }
}

/// Errors that the host would report on Lambda are reported here, with the host's codes.
#[test]
fn refusals_of_the_host_are_found() {
    let archives = Archives::new();
    let hello = declaration(&[tool("hello")]);
    let drifted = archives.layer_of(&good(), &declaration(&[tool("hello"), tool("more")]));
    assert_snapshot!(archives.found(&[&drifted], &[]), @"error[MANIFEST_DRIFT]: [dir]/layer.zip: lib/libsin.so: declares other tools than its manifest says; rebuild the layer with `cargo layer build`");
    let mut bad = tool("no spaces, please");
    bad["tool"]["description"] = json!("");
    let bad = declaration(&[bad]);
    let declares_badly = archives.layer_of(&stripped(&scripted(&script(&bad))), &bad);
    assert_snapshot!(archives.found(&[&declares_badly], &[]), @r#"
    error[PLUGIN_DECLARATION_INVALID]: [dir]/layer.zip: lib/libsin.so: the name of tool "no spaces, please" has the character ' ', a tool's name has only A-Z, a-z, 0-9, `_`, `-` and `.`; fix it and rebuild the plugin
    error[PLUGIN_DECLARATION_INVALID]: [dir]/layer.zip: lib/libsin.so: tool no spaces, please has no description; fix it and rebuild the plugin
    "#);
    let twice = archives.layer("twice.zip", &[]);
    let again = archives.layer_of(&good(), &hello);
    assert_snapshot!(archives.found(&[&twice, &again], &[]), @r#"error[TOOL_DUPLICATE]: two tools are named hello: in [dir]/twice.zip: lib/libgood.so and in [dir]/layer.zip: lib/libsin.so; exclude one with TOOLS_LIST or ENTRY_FILE, or rename one with export_tools!(prefix = "...", ...) or #[tool(name = "...")]"#);
    assert_snapshot!(archives.found(&[&twice], &["--tools-list", "helo"]), @r#"error[TOOLS_LIST_UNMATCHED]: TOOLS_LIST: no tool matches "helo"; did you mean hello? (there are: hello)"#);
    assert_snapshot!(archives.found(&[&twice], &["--entry-file", "god"]), @r#"error[ENTRY_FILE_UNMATCHED]: ENTRY_FILE: no plugin matches "god"; did you mean libgood.so? (there are: libgood.so)"#);
    let empty = archives.pack(
        "empty.zip",
        CompressionMethod::Deflated,
        &[("lib/readme", 0o644, b"")],
    );
    assert_snapshot!(archives.found(&[&empty], &[]), @"error[PLUGIN_DIR_EMPTY]: MCP_PLUGIN_DIR: lib has no plugin; attach a layer made by `cargo layer build`");
    let newer = archives.layer(
        "newer.zip",
        &[("lib/newer.layer.json", 0o644, br#"{"format": 2}"#)],
    );
    assert_snapshot!(archives.found(&[&newer], &[]), @"error[MANIFEST_FORMAT]: [dir]/newer.zip: lib/newer.layer.json: manifest format 2, this host reads up to 1; deploy a newer host, or rebuild the layer with the `cargo layer` of this host's release");
}

#[test]
fn the_users_environment_does_not_matter() {
    let archives = Archives::new();
    let layer = archives.layer("layer.zip", &[]);
    let mut check = Command::new(cargo_layer());
    check.args(["check", "--json"]).arg(&layer);
    check.envs([
        ("TOOLS_LIST", "nothing"),
        ("MCP_PLUGIN_DIR", "/nowhere"),
        ("ENTRY_FILE", "none"),
    ]);
    let report: Value = serde_json::from_str(&output_of(&mut check)).expect("JSON");
    assert_eq!(report["tools"], json!(["hello"]));
}
