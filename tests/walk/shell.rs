//! A terminal: the commands of the README, and a shell that runs them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Ends what a block has printed.
const END: &str = "-- end of the block --";

/// The blocks of commands in a chapter of the README.
pub(crate) fn blocks(chapter: &str) -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("it is shipped");
    let (_, chapter) = readme.split_once(&format!("\n{chapter}\n")).expect("the README has this chapter");
    let chapter = chapter.split("\n## ").next().expect("up to the next one");
    let blocks = chapter.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split("\n```").next().expect("a block has an end").to_owned()).collect()
}

/// A shell in the folder of an instance, with its `maskline` at hand.
pub(crate) struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = Self::command(folder).arg("-s").stdin(Stdio::piped()).spawn().expect("there is sh");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut shell = Self { child, input, output };
        // What goes wrong is to be seen in its place.
        assert_eq!(shell.run("exec 2>&1"), "");
        shell
    }

    /// Runs commands, and gives what they have printed.
    pub(crate) fn run(&mut self, block: &str) -> String {
        writeln!(self.input, "{block}\necho '{END}'").expect("the shell is still there");
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).expect("the shell prints text");
            assert!(length > 0, "the shell ended: {printed}");
            if line.trim_end() == END {
                return printed;
            }
            printed += &line;
        }
    }

    /// Runs a command in a terminal of its own, and gives what it prints as it does.
    pub(crate) fn watch(folder: &Path, command: &str) -> (Watching, ChildStdout) {
        let command = format!("exec {command}");
        let mut shell = Self::command(folder);
        let mut child = shell.arg("-c").arg(command).stderr(Stdio::null()).spawn().expect("there is sh");
        let printed = child.stdout.take().expect("it is piped");
        (Watching(child), printed)
    }

    fn command(folder: &Path) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_maskline")).parent().expect("it lies in a folder");
        let paths = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.current_dir(folder).stdout(Stdio::piped());
        command.env("PATH", format!("{}:{paths}", programs.display())).env_remove("RUST_LOG");
        command
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that goes on until this is dropped.
pub(crate) struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
