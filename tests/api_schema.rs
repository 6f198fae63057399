//! The API against its own description, by schemathesis: what is described is accepted, what is not is refused, and every
//! answer is as it is described. `SCHEMATHESIS` names the program; `./test` installs it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::path::Path;
use std::process::Command;

use support::desk::{ALL, Desk};

#[test]
fn what_is_served_is_what_is_described() {
    if std::env::var_os("SCHEMATHESIS").is_none() {
        eprintln!("not run: SCHEMATHESIS names no program");
        return;
    }
    let desk = Desk::open();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/schemathesis.sh");
    let run = Command::new(script).arg(format!("http://{}", desk.address)).arg(ALL).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "what is said above");
}
