//! Ctrl-C in `tenure lua`: the signal, sent to the command as a terminal sends it. The command is for Unix, and so are signals.

#![forbid(unsafe_code)]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// The command while it runs.
struct Session {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn start(arguments: &[&str]) -> Session {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
            .arg("lua")
            .args(arguments)
            .env_remove("LUA_INIT")
            .env_remove("LUA_INIT_5_4")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let output = BufReader::new(child.stdout.take().expect("the output is a pipe"));
        Session { child, output }
    }

    fn type_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("the input is a pipe");
        writeln!(input, "{line}").expect("the command reads");
    }

    /// Waits for a line that ends so.
    fn wait_for(&mut self, end: &str) {
        let mut line = String::new();
        while !line.trim_end().ends_with(end) {
            line.clear();
            let length = self.output.read_line(&mut line).expect("output is UTF-8");
            assert!(length > 0, "the command ended before it said {end:?}");
        }
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("the command is there");
    }

    /// Ends the input; returns how the command ended, and what it wrote to its outputs since.
    fn end(mut self) -> (ExitStatus, String, String) {
        drop(self.child.stdin.take());
        let (mut output, mut errors) = (String::new(), String::new());
        self.output.read_to_string(&mut output).expect("output is UTF-8");
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut errors).expect("errors are UTF-8");
        (self.child.wait().expect("the command ends"), output, errors)
    }
}

#[test]
fn a_script_that_is_interrupted_fails_with_a_traceback() {
    let mut session = Session::start(&[
        "-e",
        "local function f() print 'begun' io.flush()\n\nwhile true do end\nend\nf()",
    ]);
    session.wait_for("begun");
    session.interrupt();
    let (status, _, errors) = session.end();
    assert_eq!(status.code(), Some(1), "{status} {errors}");
    let expected = "lua: (command line):5: interrupted!\nstack traceback:\n\t(command line):3: in local 'f'\n";
    assert!(errors.starts_with(expected), "{errors}");
}

#[test]
fn a_second_signal_ends_the_process() {
    let program = "while true do pcall(function() print 'begun' io.flush() while true do end end) end";
    let mut session = Session::start(&["-e", program]);
    for _ in 0..2 {
        session.wait_for("begun");
        session.interrupt();
    }
    let (status, _, errors) = session.end();
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status} {errors}");
}

#[test]
fn a_line_that_is_interrupted_is_followed_by_the_prompt() {
    let mut session = Session::start(&["-i"]);
    // More than once: each line takes the first signal anew.
    for _ in 0..3 {
        session.type_line("print 'begun' io.flush() while true do end");
        session.wait_for("begun");
        session.interrupt();
    }
    session.type_line("print('after', 1 + 1)");
    let (status, output, errors) = session.end();
    assert!(status.success(), "{status} {errors}");
    assert!(output.contains("> after\t2\n"), "{output}");
    assert_eq!(
        errors
            .matches("interrupted!\nstack traceback:\n\tstdin:1: in main chunk")
            .count(),
        3,
        "{errors}"
    );
}

#[test]
fn at_the_prompt_the_signal_ends_the_process() {
    let mut session = Session::start(&["-i"]);
    session.type_line("print 'done'");
    session.wait_for("done");
    // The next prompt says that the line is over.
    let mut prompt = [0; 2];
    session.output.read_exact(&mut prompt).expect("the prompt follows");
    assert_eq!(&prompt, b"> ");
    session.interrupt();
    let (status, _, errors) = session.end();
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status} {errors}");
}
