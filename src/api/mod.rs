//! Floor 7. The HTTP side: so far, whether the service is alive and ready.

mod health;
mod problem;
mod server;

pub use health::{Health, Readiness};
pub use problem::Problem;
pub use server::{router, serve};
