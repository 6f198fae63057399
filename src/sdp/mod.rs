//! Floor 1. SDP (RFC 8866) as the offer/answer model uses it (RFC 3264): read what a party says, write what we
//! say.
//!
//! Reading keeps only what may matter to a masked call, in types that cannot hold a foreign string: codecs out of
//! our own list with closed parameters, addresses, ports, a direction and a packet time. Writing takes nothing
//! else. The one exception is [`Declined`], whose tokens go back to the party that sent them and to nobody else.

mod amr;
mod codec;
mod description;
mod multipart;
mod read;
mod write;

pub use amr::AmrParams;
pub use codec::Codec;
pub use description::{Audio, Declined, Description, Direction, Format, Line, Profile};
pub use multipart::pick_sdp;
pub use read::parse;
pub use write::{Local, write};

/// What bounds the work that a description can cause.
pub mod limits {
    /// Bytes of a description, and of a multipart body around one.
    pub const BODY: usize = 16 * 1024;
    /// Lines of a description.
    pub const LINES: usize = 512;
    /// Media descriptions (m-lines).
    pub const MEDIA: usize = 16;
    /// Formats of one m-line.
    pub const FORMATS: usize = 64;
    /// Bytes of a token that an answer repeats.
    pub const TOKEN: usize = 32;
    /// Parts of a multipart body, nested ones included.
    pub const PARTS: usize = 16;
    /// Levels of multipart within multipart.
    pub const DEPTH: usize = 3;
}

/// Why a body is no description we can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// More bytes, lines, media descriptions, formats or parts than [`limits`] allows.
    #[error("the session description is too large")]
    TooLarge,
    /// It does not begin with `v=0`.
    #[error("the session description does not begin with v=0")]
    Version,
    /// A line is not a letter, `=` and a value, or holds a control character.
    #[error("a line of the session description is not of the form x=value")]
    Line,
    /// An m-line that cannot be read.
    #[error("a media line cannot be read")]
    Media,
    /// The audio stream's address is missing, multicast, or of another kind than the line says.
    #[error("the audio stream has no usable address")]
    Address,
    /// The audio stream's address is a host name: legal (RFC 8866 section 5.7), but nothing is looked up here
    /// (SIP: 488).
    #[error("the audio stream's address is a host name")]
    Name,
    /// The body is of another type than SDP, and holds no part of it (SIP: 415).
    #[error("the body holds no session description")]
    NoSdp,
    /// A part that is not SDP says that it must be understood (`handling=required`, RFC 5621; SIP: 415).
    #[error("a body part that must be understood is not understood")]
    Required,
    /// A multipart body whose boundaries or part headers cannot be read.
    #[error("the multipart body cannot be read")]
    Multipart,
}
