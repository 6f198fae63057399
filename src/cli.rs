//! Floor 8. The command line.

mod calls;
mod client;
mod numbers;
mod sessions;
mod table;
mod trust;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::app;
use crate::base::settings::Settings;
use crate::demo;
use client::{Client, Trouble};

/// Where the settings are read from unless the command says otherwise.
const DEFAULT: &str = "config.toml";

/// A self-hosted number-masking switch: two parties talk and never learn each other's number.
#[derive(Debug, Parser)]
#[command(name = "maskline", version, disable_help_subcommand = true)]
struct Cli {
    /// The settings file.
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT)]
    config: PathBuf,
    /// Print the service's answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service; so does no command at all.
    Serve,
    /// Validate the settings file: every fault with its line and key.
    Check,
    /// Show a masked call between two phones on loopback, and what each side saw and heard of it.
    Demo,
    /// Say what would become of a call, step by step, without placing it.
    Explain(numbers::Explain),
    /// List, show, create, change, close and reopen sessions.
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// List, show, place and hang up calls.
    #[command(subcommand)]
    Calls(calls::Calls),
    /// List, add, change, drain, activate and remove masking numbers.
    #[command(subcommand)]
    Numbers(numbers::Numbers),
}

/// Which part of a list.
#[derive(Debug, Args)]
struct Paging {
    /// Rows at most.
    #[arg(long, value_name = "ROWS")]
    limit: Option<String>,
    /// The page after this place, as a list before has told it.
    #[arg(long)]
    cursor: Option<String>,
}

impl Paging {
    fn pairs(&self) -> [(&str, Option<&str>); 2] {
        [("limit", self.limit.as_deref()), ("cursor", self.cursor.as_deref())]
    }

    /// How to go on, where there is more.
    fn more(&self, answer: &Value) -> String {
        answer["next"].as_str().map(|next| format!("more with --cursor {next}\n")).unwrap_or_default()
    }
}

/// An object less what is not there.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(entries) = &mut object {
        entries.retain(|_, value| !value.is_null());
    }
    object
}

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let asked: Result<(Value, String), Trouble> = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => return serve(&cli.config),
        Command::Check => return check(&cli.config),
        Command::Demo => return demo(),
        Command::Explain(asked) => {
            Client::of(&cli.config).and_then(|client| numbers::explain(&client, &asked))
        }
        Command::Sessions(command) => {
            Client::of(&cli.config).and_then(|client| sessions::run(&client, &command))
        }
        Command::Calls(command) => Client::of(&cli.config).and_then(|client| calls::run(&client, &command)),
        Command::Numbers(command) => {
            Client::of(&cli.config).and_then(|client| numbers::run(&client, &command))
        }
    };
    tell(asked, cli.json)
}

/// Prints the answer of the service. The exit code is 0 where it did what was asked, 1 where it refused to or the
/// settings file is faulty, 2 where the command line is wrong, and 3 where it could not be asked.
fn tell(asked: Result<(Value, String), Trouble>, json: bool) -> ExitCode {
    match asked {
        Ok((answer, readable)) => {
            let text = if json { format!("{answer:#}\n") } else { readable };
            // Whoever closes the pipe has read enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            if let (Trouble::Refused(problem), true) = (&trouble, json) {
                println!("{problem:#}");
            }
            eprintln!("maskline: {trouble}");
            trouble.code()
        }
    }
}

fn serve(path: &Path) -> ExitCode {
    if !path.exists() {
        eprintln!(
            "maskline: there is no settings file at {}: start in the folder of one, or name it with --config FILE",
            path.display()
        );
        return ExitCode::FAILURE;
    }
    match app::serve(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("maskline: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn check(path: &Path) -> ExitCode {
    match Settings::load(path) {
        Ok(_) => {
            println!("{}: no fault found", path.display());
            ExitCode::SUCCESS
        }
        Err(faults) => {
            faults.iter().for_each(|fault| println!("{fault}"));
            ExitCode::FAILURE
        }
    }
}

fn demo() -> ExitCode {
    match demo::run() {
        Ok(report) => {
            print!("{report}");
            if report.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            eprintln!("maskline: the demonstration failed: {fault}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
        let parsed =
            |line: &str| Cli::try_parse_from(line.split(' ')).map(|cli| (cli.config, cli.command.is_some()));
        assert_eq!(parsed("maskline").unwrap(), (DEFAULT.into(), false));
        assert_eq!(parsed("maskline serve --config a.toml").unwrap(), ("a.toml".into(), true));
        assert_eq!(parsed("maskline --config a.toml check").unwrap(), ("a.toml".into(), true));
        assert!(parsed("maskline sing").is_err());
    }
}
