//! The binary: all of it is in the library.

use std::process::ExitCode;

/// Gives memory back to the system once a peak of calls is over, from a thread of its own: the C library's allocator
/// keeps it, and others return it only when the thread that held it is busy again.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    maskline::cli::run()
}
