//! Floor 1. SIP on the wire: scan, read, write.
//!
//! A [`Message`] is the bytes it came in and a table of spans over them. Reading one checks what everything else
//! rests on (framing, control bytes, repeated headers, Via, From, To, Call-ID, CSeq, Max-Forwards); any other header
//! is found by its [`Name`] and parsed when it is asked for. What is written goes through the [`Writer`], which
//! cannot emit a control byte, and an answer repeats of its request what an [`Echo`] holds, nothing more.

pub mod address;
pub mod contact;
pub mod cseq;
pub mod digest;
pub mod echo;
mod equivalence;
pub mod fault;
pub mod framer;
pub mod head;
pub mod host;
pub mod limits;
pub mod media_type;
pub mod message;
pub mod method;
pub mod name;
pub mod params;
mod scan;
mod span;
pub mod status;
mod token;
pub mod uri;
pub mod values;
pub mod via;
pub mod writer;

pub use address::Address;
pub use contact::Contact;
pub use cseq::{CSeq, RAck};
pub use echo::Echo;
pub use fault::{Fault, Malformed};
pub use framer::{Frame, Framer, StreamFault};
pub use head::Head;
pub use host::Host;
pub use media_type::MediaType;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use name::Name;
pub use params::Params;
pub use scan::call_id;
pub use status::Status;
pub use uri::{Scheme, Uri};
pub use via::Via;
pub use writer::Writer;
