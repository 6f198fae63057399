//! Via (RFC 3261 section 20.42, RFC 3581).

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use bytestring::ByteString;

use super::fault::Fault;
use super::host::{Host, HostPort, bare_ip};
use super::limits;
use super::name::Name;
use super::params::Params;
use super::scan::SUBSTITUTE;
use super::span::Span;
use super::token::{TOKEN, VISIBLE, all, find, number, run, trim, trim_start};
use crate::base::Random;

/// What a branch starts with whose sender follows RFC 3261 (section 8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// A fresh branch for a request of ours.
pub fn branch(random: &mut Random) -> Box<str> {
    format!("{MAGIC_COOKIE}{}", random.token(16)).into()
}

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
        match out.as_bytes().contains(&SUBSTITUTE) {
            true => out.replace(char::from(SUBSTITUTE), "?"),
            false => out,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &str) -> Via {
        Via::parse(text).unwrap_or_else(|_| panic!("{text:?} is a Via"))
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn blanks_may_stand_nearly_everywhere() {
        let via =
            via("SIP  / 2.0  / tcp     spindle.example.com  : 5070 ;  branch  =   z9hG4bK9ikj8 ; rport ");
        assert_eq!(via.transport(), "TCP");
        assert_eq!(via.host(), Host::Name("spindle.example.com"));
        assert_eq!(via.port(), Some(5070));
        assert_eq!(via.branch(), Some("z9hG4bK9ikj8"));
        assert!(via.rport_requested() && via.rport().is_none());
    }

    #[test]
    fn old_and_unknown_ones_are_read() {
        assert_eq!(via("SIP/2.0/UDP iftgw.example.com").branch(), None);
        assert_eq!(via("SIP/2.0/UNKNOWN h;branch=1").transport(), "UNKNOWN");
        assert_eq!(via("SIP/7.0/UDP h").transport(), "UDP");
    }

    #[test]
    fn received_is_read_with_and_without_brackets() {
        let address = Some("2001:db8::9:255".parse().unwrap());
        assert_eq!(via("SIP/2.0/UDP [::1];received=2001:db8::9:255;rport=9;branch=1").received(), address);
        let via = via("SIP/2.0/UDP [::1];received=[2001:db8::9:255];rport=9;branch=1");
        assert_eq!((via.received(), via.rport()), (address, Some(9)));
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in [
            "",
            "SIP/2.0 h",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/2.0/ h",
            "/2.0/UDP h",
            "SIP//UDP h",
            "SIP/2.0/UDPh;x",
            "SIP/2.0/UDP h;;",
            "SIP/2.0/UDP h;branch=",
            "SIP/2.0/UDP h;branch",
            "SIP/2.0/UDP h;branch=z9hG4bK",
            "SIP/2.0/UDP h;branch=a;branch=b",
            "SIP/2.0/UDP h:0",
            "SIP/2.0/UDP h i",
            "SIP/2.0/UDP h,",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
        ] {
            assert!(Via::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_source_is_stamped_over_what_the_sender_wrote() {
        let source = at("192.0.2.7:4000");
        assert_eq!(via("SIP/2.0/UDP 192.0.2.7;branch=1").stamped(source), "SIP/2.0/UDP 192.0.2.7;branch=1");
        assert_eq!(
            via("SIP/2.0/UDP host ;branch=1").stamped(source),
            "SIP/2.0/UDP host;branch=1;received=192.0.2.7"
        );
        assert_eq!(
            via("SIP/2.0/UDP 192.0.2.7;rport;branch=1").stamped(source),
            "SIP/2.0/UDP 192.0.2.7;rport=4000;branch=1;received=192.0.2.7"
        );
        assert_eq!(
            via("SIP/2.0/UDP 10.0.0.1;received=1.2.3.4;rport=1;branch=1")
                .stamped(at("[::ffff:192.0.2.7]:4000")),
            "SIP/2.0/UDP 10.0.0.1;rport=4000;branch=1;received=192.0.2.7"
        );
        assert_eq!(
            via("SIP/2.0/UDP [2001:db8::1];branch=1").stamped(at("[2001:db8::2]:5060")),
            "SIP/2.0/UDP [2001:db8::1];branch=1;received=2001:db8::2"
        );
    }

    #[test]
    fn no_control_goes_out_for_what_was_not_utf8() {
        let stamped = via("SIP/2.0/UDP 192.0.2.7;x=a\u{1a};branch=1").stamped(at("192.0.2.7:4000"));
        assert_eq!(stamped, "SIP/2.0/UDP 192.0.2.7;x=a?;branch=1");
    }

    #[test]
    fn responses_go_to_the_source_and_nowhere_else() {
        let source = at("192.0.2.7:4000");
        assert_eq!(via("SIP/2.0/UDP h;rport").reply_to(source), source);
        assert_eq!(
            via("SIP/2.0/UDP h:5080;maddr=239.1.1.1;received=10.1.1.1").reply_to(source),
            at("192.0.2.7:5080")
        );
        assert_eq!(via("SIP/2.0/UDP 255.255.255.255").reply_to(source), at("192.0.2.7:5060"));
        assert_eq!(via("SIP/2.0/TLS h").reply_to(source), at("192.0.2.7:5061"));
    }
}
