//! Floor 8. The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::base::settings::Settings;
use crate::demo;

/// Where the settings are read from unless the command says otherwise.
const DEFAULT: &str = "config.toml";

/// A self-hosted number-masking switch: two parties talk and never learn each other's number.
#[derive(Debug, Parser)]
#[command(name = "maskline", version, disable_help_subcommand = true)]
struct Cli {
    /// The settings file.
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT)]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Run the service; so does no command at all.
    Serve,
    /// Validate the settings file: every fault with its line and key.
    Check,
    /// Show a masked call between two phones on loopback, and what each side saw and heard of it.
    Demo,
}

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&cli.config),
        Command::Check => check(&cli.config),
        Command::Demo => demo(),
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
