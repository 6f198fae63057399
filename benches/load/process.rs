//! What the kernel knows of a process.

use std::fs;
use std::time::Duration;

use rustix::process::Pid;

/// The length of a tick in `/proc`: Linux shows 100 a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// CPU time so far, user and system, of all threads.
pub(crate) fn cpu_time(pid: Pid) -> Duration {
    let stat = read(pid, "stat");
    let (_, after_name) = stat.rsplit_once(") ").expect("the name stands in brackets");
    // Fields 14 and 15 of proc(5); the state, field 3, is the first after the name.
    let ticks: u32 =
        after_name.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().expect("a count")).sum();
    TICK * ticks
}

/// Resident memory in KiB.
pub(crate) fn resident(pid: Pid) -> f64 {
    memory(pid, "VmRSS:")
}

/// The most resident memory that it ever had, in KiB.
pub(crate) fn peak(pid: Pid) -> f64 {
    memory(pid, "VmHWM:")
}

fn memory(pid: Pid, field: &str) -> f64 {
    let status = read(pid, "status");
    let line =
        status.lines().find_map(|line| line.strip_prefix(field)).expect("a running process has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a count")
}

fn read(pid: Pid, file: &str) -> String {
    fs::read_to_string(format!("/proc/{}/{file}", pid.as_raw_nonzero())).expect("the switch is running")
}
