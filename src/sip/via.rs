//! Via (RFC 3261 section 20.42, RFC 3581).

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use bytestring::ByteString;

use super::fault::Fault;
use super::host::{Host, HostPort, bare_ip};
use super::limits;
use super::name::Name;
use super::params::Params;
use super::span::Span;
use super::token::{TOKEN, VISIBLE, all, find, number, run, trim, trim_start};

/// What a branch starts with whose sender follows RFC 3261 (section 8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One value of a Via. Cloning shares the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Via {
    text: ByteString,
    transport: Span,
    sent_by: HostPort,
    params: Span,
    branch: Option<Span>,
}

impl Via {
    /// Reads one Via value.
    ///
    /// # Errors
    /// [`Fault::Header`] where it is none.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > limits::LINE {
            return Err(Fault::Header(Name::Via));
        }
        Self::read(ByteString::from(text))
    }

    /// Reads one Via value of at most [`limits::LINE`] bytes without copying it.
    pub(super) fn read(text: ByteString) -> Result<Self, Fault> {
        Self::scan(text).ok_or(Fault::Header(Name::Via))
    }

    fn scan(text: ByteString) -> Option<Self> {
        let text = text.slice_ref(trim(&text));
        let (protocol, rest) = text.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        let rest = trim_start(rest);
        let (transport, rest) = rest.split_at(run(rest.as_bytes(), TOKEN));
        if ![trim(protocol), trim(version), transport].iter().all(|part| all(part, TOKEN))
            || !rest.starts_with([' ', '\t'])
        {
            return None;
        }
        let (sent_by, params) = rest.split_at(find(rest.as_bytes(), b';').unwrap_or(rest.len()));
        let mut branch = None;
        Params::check(params, |name, value| {
            if !name.eq_ignore_ascii_case("branch") {
                return Some(());
            }
            // At most one, of visible ASCII characters, and not the bare cookie, which every sender could have
            // written (RFC 4475 section 3.2.1).
            let value =
                value.filter(|value| all(value, VISIBLE) && !value.eq_ignore_ascii_case(MAGIC_COOKIE))?;
            branch.replace(Span::within(&text, value)).is_none().then_some(())
        })?;
        Some(Self {
            transport: Span::within(&text, transport),
            sent_by: HostPort::read(&text, trim(sent_by))?,
            params: Span::within(&text, params),
            branch,
            text,
        })
    }

    /// The value as it was written, without white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The transport, in upper case if it is one that is known.
    #[must_use]
    pub fn transport(&self) -> &str {
        let written = self.transport.of(&self.text);
        let known = ["UDP", "TCP", "TLS", "SCTP", "WS", "WSS"];
        known.into_iter().find(|name| name.eq_ignore_ascii_case(written)).unwrap_or(written)
    }

    /// The host of the sent-by.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        self.sent_by.host(&self.text)
    }

    /// The port of the sent-by, if one is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.sent_by.port
    }

    /// The branch; it has more than the magic cookie.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.branch.map(|span| span.of(&self.text))
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::new(self.params.of(&self.text))
    }

    /// Whether the response is to go to the port that the request came from (RFC 3581 section 3).
    #[must_use]
    pub fn rport_requested(&self) -> bool {
        self.params().get("rport").is_some()
    }

    /// The port that our request came from, as the peer saw it (RFC 3581 section 4).
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.params().get("rport").flatten().and_then(number)
    }

    /// The address that our request came from, as the peer saw it.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        self.params().get("received").flatten().and_then(bare_ip)
    }

    /// The value as a response repeats it: with the source in `received` and `rport` (RFC 3261 section 18.2.1, RFC
    /// 3581 section 4), whatever the sender wrote there.
    pub(super) fn stamped(&self, source: SocketAddr) -> String {
        let mut out = String::with_capacity(self.text.len() + 40);
        out.push_str(trim(&self.text[..usize::from(self.params.start)]));
        let mut rport = false;
        for (name, value) in self.params() {
            if name.eq_ignore_ascii_case("received") {
                continue;
            }
            out.push(';');
            out.push_str(name);
            if name.eq_ignore_ascii_case("rport") {
                rport = true;
                let _ = write!(out, "={}", source.port());
            } else if let Some(value) = value {
                out.push('=');
                out.push_str(value);
            }
        }
        let address = source.ip().to_canonical();
        if rport || self.host().ip().map(|ip| ip.to_canonical()) != Some(address) {
            let _ = write!(out, ";received={address}");
        }
        out
    }

    /// Where a response goes (RFC 3261 section 18.2.2, RFC 3581 section 4): always back to the address that the
    /// request came from. A `maddr` is not followed, so that nobody can have us send to a third party or a group.
    pub(super) fn reply_to(&self, source: SocketAddr) -> SocketAddr {
        let standard = if self.transport() == "TLS" { 5061 } else { 5060 };
        let port = if self.rport_requested() { source.port() } else { self.port().unwrap_or(standard) };
        SocketAddr::new(source.ip(), port)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Prints nothing of the host.
impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via({}, ***)", self.transport())
    }
}
