//! The single tables of the settings file: `[sip]`, `[media]`, `[api]`, `[store]`, `[numbers]`, `[call]`,
//! `[records]`, `[log]`, `[speech]` and `[webhooks]`.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::sign::CertifiedKey;

use super::ApiToken;
use crate::base::{PhoneNumber, Secret, Transport};

/// `[sip]`: where signalling is heard, and its timers.
#[derive(Debug, Clone)]
pub struct Sip {
    /// The listeners, in the file's order; never empty.
    pub listen: Vec<Listen>,
    /// The address that other machines reach us at; `None`: the interface's own.
    pub advertise: Option<IpAddr>,
    /// T1, the round-trip estimate (RFC 3261 section 17.1.1.1).
    pub t1: Duration,
    /// T2, the longest interval between retransmissions (RFC 3261 section 17.1.2.2).
    pub t2: Duration,
    /// T4, how long a message stays in the network (RFC 3261 section 17.1.2.2).
    pub t4: Duration,
    /// The hashes that phones are challenged with, best first; never empty, each once. An answer by either is taken.
    pub digest: Vec<DigestHash>,
}

/// A hash of digest authentication (RFC 7616).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestHash {
    /// MD5: every softphone knows it.
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
}

/// One listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Listen {
    /// Its transport; never TLS in this version.
    pub transport: Transport,
    /// The address to bind.
    pub address: SocketAddr,
}

/// `[media]`: ports and codecs of the relay.
#[derive(Debug, Clone)]
pub struct Media {
    /// The UDP ports of the relay: an even first (RTP) and an odd last (RTCP).
    pub ports: RangeInclusive<u16>,
    /// How long a pair rests before it is used again, where others are free.
    pub port_rest: Duration,
    /// The address written into SDP; `None`: the same as for signalling.
    pub advertise: Option<IpAddr>,
    /// The codecs that may be offered, best first; never empty, each once.
    pub codecs: Vec<CodecName>,
    /// Engine threads; `None`: one for every two cores, four at most.
    pub threads: Option<usize>,
}

/// A codec as the settings file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodecName {
    /// Opus (RFC 7587).
    Opus,
    /// G.722, 64 kbit/s wideband.
    G722,
    /// AMR-WB (RFC 4867).
    AmrWb,
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// AMR (RFC 4867).
    Amr,
    /// G.729.
    G729,
}

/// `[api]`: the HTTP listener.
#[derive(Debug, Clone)]
pub struct Api {
    /// The address to bind.
    pub listen: SocketAddr,
    /// The certificate and its key where it is served by TLS; `None`: as plain HTTP.
    pub tls: Option<Arc<CertifiedKey>>,
    /// The tokens, each once; empty: the one in `token_file`.
    pub tokens: Vec<ApiToken>,
    /// Where the token is kept that is made at the first start, where the file names none.
    pub token_file: PathBuf,
}

/// `[store]`: where sessions and numbers are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database.
    pub url: StoreUrl,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file of this machine, for one process.
    Sqlite(PathBuf),
    /// A PostgreSQL server, for a fleet: the URL, which may hold a password.
    Postgres(Secret),
}

/// `[numbers]`: how national numbers are read, and which numbers are ours.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// The country's ISO 3166 code, two capital letters, known to [`crate::base::numbering`].
    pub country: String,
    /// The masking numbers, each once.
    pub owned: Vec<PhoneNumber>,
}

/// `[call]`: how many calls there may be, and how long things may take.
#[derive(Debug, Clone)]
pub struct Call {
    /// How many calls may be there at a time; `None`: as many as ports and descriptors allow.
    pub max_calls: Option<usize>,
    /// The budget of a decision, over all its attempts.
    pub decide: Duration,
    /// How long the destination may ring.
    pub ring_timeout: Duration,
    /// How long a call may last after the answer.
    pub max_duration: Duration,
    /// How long both sides may be silent in RTP and RTCP; never under 30 s.
    pub silence: Duration,
    /// The same while the call is on hold.
    pub hold: Duration,
    /// How long running calls may go on after SIGTERM.
    pub drain: Duration,
    /// What a party hears that has to press a key, in A-law at 8 kHz; `None`: the built-in prompt.
    pub confirm_prompt: Option<Bytes>,
}

/// `[records]`: the call records.
#[derive(Debug, Clone)]
pub struct Records {
    /// The file of JSON lines.
    pub path: PathBuf,
    /// How long the database keeps records and events of calls after their end, and sessions after theirs; `None`:
    /// for good. The file of JSON lines is the operator's to rotate.
    pub retention: Option<Duration>,
}

/// `[log]`: what is logged and how.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// The least important level that is still written.
    pub level: LogLevel,
    /// For people or for machines.
    pub format: LogFormat,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What needs the operator.
    Error,
    /// What may soon need the operator.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// Everything.
    Trace,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line.
    Human,
    /// One JSON object.
    Json,
}

/// `[speech]`: the command that speaks texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// The program and its arguments, in which `{language}`, `{voice}` and `{espeak}` stand for those of the text; never
    /// empty.
    pub command: Vec<String>,
    /// How long speaking a text may take, and waiting for the turn to.
    pub timeout: Duration,
    /// Texts that are spoken at a time; at least 1.
    pub at_once: usize,
    /// The folder that what was spoken is kept in.
    pub cache: PathBuf,
    /// Bytes that are kept there at most; 0: nothing is.
    pub cache_bytes: u64,
}

/// `[webhooks]`: the operator's web services, which events are told to by callbacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// Where every event is told, besides a session's own `callback_url`.
    pub status_url: Option<Box<str>>,
    /// Where a web service is asked that stands in for an answer URL which does not answer.
    pub fallback_url: Option<Box<str>>,
    /// Where the end of a call is told that a web service was asked about.
    pub hangup_url: Option<Box<str>>,
    /// Whether a service is told where a caller was asked for keys and pressed none; otherwise the next element follows.
    pub post_empty_digits: bool,
    /// The key that requests are signed with.
    pub secret: Option<Secret>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether loopback and private addresses may be called.
    pub allow_private_webhooks: bool,
}
