//! `tenure lua` as a user of `lua` meets it, and programs in Lua as inputs.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the folder for test output can be made");
    folder
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// Runs `tenure lua` with an environment and an input.
fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    for name in [
        "LUA_INIT",
        "LUA_INIT_5_4",
        "LUA_PATH",
        "LUA_PATH_5_4",
        "LUA_CPATH",
        "LUA_CPATH_5_4",
    ] {
        command.env_remove(name);
    }
    let mut child = command
        .arg("lua")
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // A command that does not read ends the pipe.
    let _ = child
        .stdin
        .take()
        .expect("the input is a pipe")
        .write_all(input.as_bytes());
    child.wait_with_output().expect("the command ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn output(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> String {
    let output = run(arguments, environment, input);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Returns what is written to standard error by a run that fails.
fn failure(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(arguments, environment, "");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn a_script_gets_its_arguments() {
    let folder = folder("lua-arguments");
    let script = file(
        &folder,
        "a.lua",
        "#!/usr/bin/lua\nprint(#arg, arg[0] == arg[3], arg[-1], arg[-2] ~= nil, arg[-3], ...)",
    );
    let expected = format!("3\ttrue\tlua\ttrue\tnil\tx\t-e\t{script}\n");
    assert_eq!(output(&[&script, "x", "-e", &script], &[], ""), expected);
    let negative = "for i = -2, 0 do io.write(tostring(arg[i]):match('[^/]*$'), ' ') end";
    assert_eq!(output(&["-e", negative], &[], ""), "nil tenure lua ");
    assert_eq!(output(&["-", "a", "-b"], &[], "print(arg[0], ...)"), "-\ta\t-b\n");
    assert_eq!(output(&[], &[], "print 'from standard input'"), "from standard input\n");
}

#[test]
fn options_are_done_in_order() {
    let folder = folder("lua-options");
    file(&folder, "mod.lua", "return {name = ...}");
    let path = format!("{}/?.lua", folder.display());
    let code = "print(mod and mod.name, g and g.name)";
    let environment = [("LUA_PATH", "nowhere"), ("LUA_PATH_5_4", path.as_str())];
    assert_eq!(
        output(
            &["-e", code, "-lmod", "-e", code, "-l", "g=mod", "-e", code],
            &environment,
            ""
        ),
        "nil\tnil\nmod\tnil\nmod\tmod\n"
    );
    let message = failure(&["-l", "no.such"], &environment);
    assert!(
        message.starts_with("lua: module 'no.such' not found:\n\tno field package.preload['no.such']\n\tno file '"),
        "{message}"
    );
    assert!(
        message.contains("\nstack traceback:\n\t[C]: in function 'error'")
            || message.contains("\nstack traceback:\n\t[C]: in function 'require'"),
        "{message}"
    );
    assert!(output(&["-v"], &[], "").starts_with("Lua 5.4 "));
    assert!(output(&["--help"], &[], "").contains("tenure lua [OPTIONS]"));
}

#[test]
fn the_environment_is_run_unless_told_not_to() {
    let environment = [
        ("LUA_INIT", "print 'old'"),
        ("LUA_INIT_5_4", "print('new', arg[1])"),
        ("LUA_PATH", "x;;"),
    ];
    let code = "print(package.path:sub(1, 4))";
    assert_eq!(output(&["-e", code], &environment, ""), "new\t-e\nx;/u\n");
    assert_eq!(output(&["-E", "-e", code], &environment, ""), "/usr\n");
    let folder = folder("lua-init");
    let init = format!("@{}", file(&folder, "init.lua", "print 'from a file'"));
    assert_eq!(output(&["-e", ""], &[("LUA_INIT", &init)], ""), "from a file\n");
    assert!(failure(&["-e", ""], &[("LUA_INIT", "error 'bad'")]).starts_with("lua: LUA_INIT:1: bad\nstack traceback:"));
}

#[test]
fn errors_have_a_traceback_and_a_code() {
    let folder = folder("lua-errors");
    let script = file(&folder, "e.lua", "local function f() error('oops') end\nf()");
    let message = failure(&[&script], &[]);
    assert!(
        message.starts_with("lua: ")
            && message.contains("e.lua:1: oops\nstack traceback:\n\t[C]: in function 'error'\n\t"),
        "{message}"
    );
    assert!(
        message.contains("in upvalue 'f'") || message.contains("in local 'f'"),
        "{message}"
    );
    assert!(message.ends_with(": in main chunk\n\t[C]: in ?\n"), "{message}");
    assert_eq!(
        failure(&["-e", "x ="], &[]),
        "lua: (command line):1: unexpected symbol near <eof>\n"
    );
    assert!(failure(&["-e", "error({})"], &[]).starts_with("lua: (error object is a table value)\n"));
    assert_eq!(
        failure(
            &[
                "-e",
                "error(setmetatable({}, {__tostring = function() return 'mine' end}))"
            ],
            &[]
        ),
        "lua: mine\n"
    );
    assert!(failure(&["no-such-file.lua"], &[]).starts_with("lua: cannot open no-such-file.lua"));
    assert_eq!(run(&["-e", "os.exit(7)"], &[], "").status.code(), Some(7));
    assert_eq!(run(&["-e", "os.exit(false)"], &[], "").status.code(), Some(1));
}

#[test]
fn wrong_options_are_refused_with_the_usage() {
    for (arguments, expected) in [
        (&["-x"][..], "lua: unrecognized option '-x'\nusage: tenure lua "),
        (&["-e"], "lua: '-e' needs argument\nusage: "),
        (&["--no-such-flag=1"], "lua: unrecognized option '--no-such-flag=1'\n"),
        (&["--max-old-space-size=much", "-v"], "lua: "),
    ] {
        let message = failure(arguments, &[]);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn heap_flags_are_the_heaps() {
    let garbage = "local t for i = 1, 200000 do t = {t} if i % 100 == 0 then t = nil end end print 'end'";
    let run = run(&["--trace-gc", "--max-new-space-size", "256", "-e", garbage], &[], "");
    let (out, traced) = (text(&run.stdout), text(&run.stderr));
    assert!(run.status.success() && out.ends_with("end\n"), "{out} {traced}");
    assert!(out.len() + traced.len() > 200, "collections are shown: {out} {traced}");
    let message = failure(
        &[
            "--max-old-space-size=8",
            "-e",
            "local t = {} for i = 1, 1e9 do t[i] = {i} end",
        ],
        &[],
    );
    assert!(message.contains("not enough memory"), "{message}");
}

/// Makes 64 strings of 1 MiB, so that a heap whose old generation begins at 32 MiB collects it, and one that begins at 256 does not.
const LIVE: &str = "local t, s = {}, ('x'):rep(1 << 12) for i = 1, 64 do t[i] = s:rep(256) end";

#[test]
fn the_heap_begins_as_the_configuration_for_lua_says() {
    let majors = |flags: &[&str]| {
        let out = output(
            &[&["--trace-gc", "--no-incremental"], flags, &["-e", LIVE]].concat(),
            &[],
            "",
        );
        out.lines().filter(|line| line.contains("Mark-Compact")).count()
    };
    assert!(majors(&[]) > 0);
    assert_eq!(majors(&["--initial-old-space-size=256"]), 0);
    assert!(majors(&["--preset=v8-modern"]) > 0, "a preset changes what it names");
    assert_eq!(majors(&["--preset=throughput"]), 0, "this one names the size");
    assert!(output(&["--help"], &[], "").contains("--initial-old-space-size=32,"));
}

/// Runs `tenure` and returns its output.
fn tenure(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(arguments)
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn programs_as_inputs_begin_as_under_the_command_lua() {
    let folder = folder("lua-heap");
    let program = file(&folder, "live.lua", LIVE);
    let out_folder = folder.join("study");
    let run = |flags: &[&str]| {
        let out = tenure(&[&["run", &program, "--no-incremental"], flags].concat());
        let count = out.split(' ').find_map(|pair| pair.strip_prefix("majors="));
        count.expect("the line says it").parse::<u32>().expect("a number")
    };
    assert!(run(&[]) > 0);
    assert_eq!(run(&["--initial-old-space-size=256"]), 0);
    assert!(run(&["--preset=low-latency"]) > 0);
    let log = |flags: &[&str]| {
        let out = format!("--out={}", out_folder.display());
        let presets = "--preset=v8-2012,low-latency";
        let study = ["study", &program, "--no-incremental", presets, "--hiccups=off", &out];
        tenure(&[&study, flags].concat());
        let log = std::fs::read_to_string(out_folder.join("events.jsonl")).expect("the log is there");
        log.matches("\"major\"").count()
    };
    assert!(log(&[]) > 1);
    assert_eq!(log(&["--initial-old-space-size=256"]), 0);
}

#[test]
fn warnings_are_shown_when_turned_on() {
    let warning = |arguments: &[&str]| text(&run(arguments, &[], "").stderr);
    assert_eq!(warning(&["-e", "warn('a', 'b')"]), "");
    assert_eq!(warning(&["-W", "-e", "warn('a', 'b')"]), "Lua warning: ab\n");
    assert_eq!(
        warning(&["-e", "warn('@on') warn('c') warn('@off') warn('d')"]),
        "Lua warning: c\n"
    );
}

#[test]
fn lines_typed_in_are_run_and_printed() {
    let session = "1 + 1, 'two'\n= 3\nx = 4\nx\nfor i = 1, 2 do\nprint(i)\nend\nlocal y = \nf()\nerror 'e'\n_PROMPT = 'p '\nreturn 5\nfor";
    let run = run(&["-i"], &[], session);
    let (out, errors) = (text(&run.stdout), text(&run.stderr));
    assert!(run.status.success());
    let lines: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(
        lines,
        ["> 2\ttwo", "> 3", "> > 4", "> >> >> 1", "2", "> >> > > p 5", "p >> p "]
    );
    assert!(
        errors.contains("stdin:2: attempt to call a nil value (global 'f')\nstack traceback:"),
        "{errors}"
    );
    assert!(
        errors.contains("stdin:1: e\nstack traceback:") && errors.ends_with("stdin:1: <name> expected near <eof>\n"),
        "{errors}"
    );
}

#[test]
fn programs_are_inputs_of_run_and_study() {
    let folder = folder("lua-inputs");
    let program = file(
        &folder,
        "garbage.lua",
        "local t for i = 1, 100000 do t = {i, t} if i % 50 == 0 then t = nil end end print 'done'",
    );
    let out = tenure(&["run", &program, "--max-new-space-size=256"]);
    assert!(
        out.starts_with("CHECK garbage.lua output_bytes=5 output_fnv=") && out.contains("\nRESULT name=garbage.lua "),
        "{out}"
    );
    let out_folder = folder.join("study");
    let out = tenure(&[
        "study",
        &program,
        "--preset",
        "v8-2012",
        "--hiccups=off",
        "--out",
        out_folder.to_str().expect("UTF-8"),
    ]);
    assert!(out.contains("garbage.lua"), "{out}");
    let page = std::fs::read_to_string(out_folder.join("report.html")).expect("the page is there");
    assert!(page.contains("garbage.lua"));
    let bad = file(&folder, "bad.lua", "error('on purpose', 0)");
    let output = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["run", &bad])
        .output()
        .expect("the command starts");
    assert!(!output.status.success() && text(&output.stderr).contains("the program failed: on purpose\n"));
}
