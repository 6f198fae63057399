//! One run of the speech command: a text goes in, what it writes comes out. There is no shell, and the text is in no
//! argument, where every user of the machine could read it.

use std::future::pending;
use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::PromptFault;

/// Bytes that it may write.
const MOST: u64 = 32_000_000;

/// Runs a command, which is not empty, with a line of text as its input.
pub(super) async fn run(command: &[String], text: &str, limit: Duration) -> Result<Vec<u8>, PromptFault> {
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // It might repeat the text.
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => PromptFault::NoEngine,
            kind => PromptFault::Start(kind),
        })?;
    let mut group = Group::of(&child);
    let done = timeout(limit, exchange(&mut child, text)).await.unwrap_or(Err(PromptFault::Slow))?;
    group.is_over = true;
    Ok(done)
}

async fn exchange(child: &mut Child, text: &str) -> Result<Vec<u8>, PromptFault> {
    let stdin = child.stdin.take().expect("it is piped");
    let mut stdout = child.stdout.take().expect("it is piped").take(MOST + 1);
    let mut written = Vec::new();
    tokio::select! {
        read = stdout.read_to_end(&mut written) => read.map_err(|_| PromptFault::Speech)?,
        () = give(stdin, text) => unreachable!("it waits for what is written"),
    };
    if written.len() as u64 > MOST {
        return Err(PromptFault::Endless);
    }
    let status = child.wait().await.map_err(|_| PromptFault::Speech)?;
    if status.success() { Ok(written) } else { Err(PromptFault::Speech) }
}

/// Gives the text. A command may end without having read it.
async fn give(mut stdin: ChildStdin, text: &str) {
    let _ = stdin.write_all(format!("{text}\n").as_bytes()).await;
    drop(stdin);
    pending().await
}

/// A command with whatever it started, which is killed unless it is over.
struct Group {
    leader: Option<Pid>,
    is_over: bool,
}

impl Group {
    fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self { leader, is_over: false }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader.filter(|_| !self.is_over) {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
