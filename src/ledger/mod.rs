//! Floor 3: what is written down: sessions, numbers, call records, events; and what a database has to be able to do
//! with them.

mod book;
mod callback;
mod entry;
mod eraser;
mod event;
mod json;
mod number;
mod quality;
mod record;
mod session;
mod store;
mod whole;

pub use book::{Book, Channel, Hold, Live};
pub use callback::{Callback, CallbackClaim, CallbackHost, GivenUp, Settled};
pub use entry::Entry;
pub use eraser::{EraseFault, Eraser};
pub use event::{Event, EventKind, StoredEvent};
pub use json::Json;
pub use number::{Number, NumberState};
pub use quality::MediaRecord;
pub use record::{CallRecord, HungUp, LegRecord, Outcome, TurnedAwayInvite};
pub use session::{Former, Party, Session, SessionId, SessionStatus};
pub use store::{
    Answered, CallFilter, Change, ChangeSink, Changed, Created, Loaded, NewSession, Page, Redacted,
    SessionFilter, Store, StoreFault,
};
