//! The session descriptions that endpoints send.

use std::fmt;

/// One audio stream as an endpoint describes it.
#[derive(Debug, Clone)]
pub struct Sdp {
    pub address: String,
    pub port: u16,
    /// `payload encoding`, as in `0 PCMU/8000`.
    pub formats: Vec<String>,
    pub direction: &'static str,
    pub version: u64,
    /// Lines of the session, whole.
    pub session: Vec<String>,
    /// Lines after the audio stream, whole.
    pub lines: Vec<String>,
}

impl Sdp {
    /// G.711 of both laws, and telephone-event.
    pub fn new(address: &str, port: u16) -> Self {
        Self {
            address: address.into(),
            port,
            formats: ["0 PCMU/8000", "8 PCMA/8000", "101 telephone-event/8000"].map(String::from).into(),
            direction: "sendrecv",
            version: 1,
            session: Vec::new(),
            lines: Vec::new(),
        }
    }

    #[must_use]
    pub fn formats(mut self, formats: &[&str]) -> Self {
        self.formats = formats.iter().map(ToString::to_string).collect();
        self.next()
    }

    #[must_use]
    pub fn direction(mut self, direction: &'static str) -> Self {
        self.direction = direction;
        self.next()
    }

    #[must_use]
    pub fn at(mut self, address: &str, port: u16) -> Self {
        (self.address, self.port) = (address.into(), port);
        self.next()
    }

    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.into());
        self.next()
    }

    #[must_use]
    fn next(mut self) -> Self {
        self.version += 1;
        self
    }
}

impl fmt::Display for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, port, formats, direction, version, session, lines } = self;
        let family = if address.contains(':') { "IP6" } else { "IP4" };
        write!(f, "v=0\r\no=ua 4711 {version} IN {family} {address}\r\ns=-\r\n")?;
        session.iter().try_for_each(|line| write!(f, "{line}\r\n"))?;
        write!(f, "c=IN {family} {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP")?;
        let parts = || formats.iter().map(|format| format.split_once(' ').expect("payload and encoding"));
        parts().try_for_each(|(payload, _)| write!(f, " {payload}"))?;
        write!(f, "\r\n")?;
        parts().try_for_each(|(payload, encoding)| write!(f, "a=rtpmap:{payload} {encoding}\r\n"))?;
        write!(f, "a={direction}\r\n")?;
        lines.iter().try_for_each(|line| write!(f, "{line}\r\n"))
    }
}
