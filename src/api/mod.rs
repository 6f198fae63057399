//! Floor 7. The HTTP API: sessions, calls, numbers, events, metrics; its description (OpenAPI), and who may use it.
//!
//! A request is read by `read` into the types that the OpenAPI document is made from, so that what is described is what
//! is read. Numbers leave as the token may see them, and what is wrong is told without repeating the request.

mod auth;
mod calls;
mod docs;
mod events;
mod explain;
mod guests;
mod health;
mod limits;
mod metrics;
mod numbers;
mod paging;
mod problem;
mod read;
mod redact;
mod redactions;
mod router;
mod seal;
mod server;
mod sessions;
mod state;
mod tls;
pub mod tokens;
mod values;

pub use docs::document;
pub use health::{Health, Readiness};
pub use problem::{FieldError, Problem};
pub use router::router;
pub use server::serve;
pub use state::{ApiState, Begun, Callee, Calls, Clock, NotPlaced, Parts, Placing};
pub use tls::Tls;
pub use tokens::{Scopes, Tokens};
