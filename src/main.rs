//! The binary: all of it is in the library.

use std::process::ExitCode;

/// Gives memory back to the system once a peak of calls is over, which the C library's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    maskline::cli::run()
}
