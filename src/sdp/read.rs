//! Reading a description. Tolerant of order and of what it does not know, strict in what it takes up, and bounded
//! in what it does: one pass over the lines, and small tables per m-line.

use std::net::{IpAddr, SocketAddr};

use super::{Audio, Codec, Declined, Description, Direction, Fault, Format, Line, Profile, limits};

/// Reads a session description.
///
/// # Errors
/// Where it is no SDP, exceeds [`limits`], or its audio stream cannot be addressed.
pub fn parse(body: &[u8]) -> Result<Description, Fault> {
    let (session, media) = sections(body)?;
    let chosen = choose(&media);
    let mut audio = None;
    let mut lines = Vec::with_capacity(media.len());
    for (index, section) in media.iter().enumerate() {
        if Some(index) == chosen {
            audio = Some(section.audio(&session)?);
            lines.push(Line::Audio);
        } else {
            lines.push(Line::Declined(section.media.declined()?));
        }
    }
    Ok(Description { audio, lines })
}

/// The audio stream to use: the first with a port that is not secure, else the first with a port, else the first.
fn choose(media: &[Section<'_>]) -> Option<usize> {
    let rank = |section: &Section<'_>| {
        let profile = section.media.audio_profile()?;
        Some((section.media.port == 0, profile.is_secure()))
    };
    let ranked = media.iter().enumerate().filter_map(|(index, section)| Some((rank(section)?, index)));
    ranked.min().map(|(_, index)| index)
}

/// The session level and the m-lines with what follows each.
fn sections(body: &[u8]) -> Result<(Section<'_>, Vec<Section<'_>>), Fault> {
    if body.len() > limits::BODY {
        return Err(Fault::TooLarge);
    }
    let mut lines = lines(body);
    if lines.next().ok_or(Fault::Version)?? != ('v', "0") {
        return Err(Fault::Version);
    }
    let mut session = Section::default();
    let mut media: Vec<Section<'_>> = Vec::new();
    for (count, line) in lines.enumerate() {
        if count > limits::LINES {
            return Err(Fault::TooLarge);
        }
        match line? {
            ('m', _) if media.len() == limits::MEDIA => return Err(Fault::TooLarge),
            ('m', value) => media.push(Section { media: MediaLine::parse(value)?, ..Section::default() }),
            (letter, value) => media.last_mut().unwrap_or(&mut session).take(letter, value),
        }
    }
    Ok((session, media))
}

/// The lines as letter and value. Line ends are CRLF or LF, empty lines at the end are ignored, and texts that are
/// not read may be in any encoding.
fn lines(body: &[u8]) -> impl Iterator<Item = Result<(char, &str), Fault>> {
    let end = body.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    let body = &body[..end];
    body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).map(|line| {
        match line {
            [letter @ b'a'..=b'z', b'=', value @ ..]
                if !value.iter().any(|byte| matches!(byte, 0 | b'\r')) =>
            {
                match std::str::from_utf8(value) {
                    Ok(value) => Ok((char::from(*letter), value)),
                    Err(_) if matches!(letter, b'a' | b'c' | b'm' | b'v') => Err(Fault::Line),
                    Err(_) => Ok((char::from(*letter), "")),
                }
            }
            _ => Err(Fault::Line),
        }
    })
}

/// One m-line's fields.
#[derive(Debug, Default)]
struct MediaLine<'a> {
    kind: &'a str,
    port: u16,
    protocol: &'a str,
    formats: Vec<&'a str>,
}

impl<'a> MediaLine<'a> {
    /// `audio 49170/2 RTP/AVP 0 8 101`
    fn parse(value: &'a str) -> Result<Self, Fault> {
        let mut fields = value.split(' ').filter(|field| !field.is_empty());
        let mut field = || fields.next().ok_or(Fault::Media);
        let kind = field()?;
        let port = field()?;
        let port = port.split_once('/').map_or(port, |(first, _count)| first);
        let port = port.parse().map_err(|_| Fault::Media)?;
        let protocol = field()?;
        let formats: Vec<_> = fields.by_ref().take(limits::FORMATS + 1).collect();
        match formats.len() {
            0 => Err(Fault::Media),
            1..=limits::FORMATS => Ok(Self { kind, port, protocol, formats }),
            _ => Err(Fault::TooLarge),
        }
    }

    /// The profile, of an audio stream over RTP.
    fn audio_profile(&self) -> Option<Profile> {
        Profile::from_token(self.protocol).filter(|_| self.kind.eq_ignore_ascii_case("audio"))
    }

    fn declined(&self) -> Result<Declined, Fault> {
        Ok(Declined {
            kind: token(self.kind)?,
            protocol: token(self.protocol)?,
            format: token(self.formats[0])?,
        })
    }
}

/// A text that an answer repeats: RFC 8866's token, with the slashes of a protocol, and short.
fn token(text: &str) -> Result<Box<str>, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-./^_`{|}~".contains(&byte);
    if text.len() <= limits::TOKEN && text.bytes().all(allowed) { Ok(text.into()) } else { Err(Fault::Media) }
}

/// What the session level or one m-line says.
#[derive(Debug, Default)]
struct Section<'a> {
    media: MediaLine<'a>,
    connection: Option<&'a str>,
    direction: Option<Direction>,
    ptime: Option<u8>,
    rtcp: Option<&'a str>,
    rtpmaps: Vec<(u8, &'a str)>,
    fmtps: Vec<(u8, &'a str)>,
}

impl<'a> Section<'a> {
    /// Takes one line that is not an m-line.
    fn take(&mut self, letter: char, value: &'a str) {
        match letter {
            'c' => self.connection = self.connection.or(Some(value)),
            'a' => match value.split_once(':') {
                Some(("rtpmap", value)) => self.rtpmaps.extend(by_payload(value)),
                Some(("fmtp", value)) => self.fmtps.extend(by_payload(value)),
                Some(("ptime", value)) => self.ptime = packet_time(value),
                Some(("rtcp", value)) => self.rtcp = Some(value),
                Some(_) => {}
                None => self.direction = Direction::from_attribute(value.trim_end()).or(self.direction),
            },
            _ => {}
        }
    }

    /// The audio stream of an m-line, with what it inherits from the session level.
    fn audio(&self, session: &Section<'_>) -> Result<Audio, Fault> {
        let port = self.media.port;
        let connection = self.connection.or(session.connection);
        let address = match connection.and_then(connection_address) {
            Some(address) => address,
            None if port == 0 => IpAddr::from([0, 0, 0, 0]),
            None if connection.is_some_and(is_name) => return Err(Fault::Name),
            None => return Err(Fault::Address),
        };
        let said = self.direction.or(session.direction).unwrap_or_default();
        let direction = Direction::new(said.sends(), said.receives() && !address.is_unspecified());
        Ok(Audio {
            address,
            port,
            rtcp: self.rtcp.and_then(|value| rtcp_address(value, address)),
            direction,
            ptime: self.ptime.or(session.ptime),
            formats: self.formats(),
            profile: self.media.audio_profile().unwrap_or_default(),
        })
    }

    /// The formats of the m-line that are on our list, each payload type once.
    fn formats(&self) -> Vec<Format> {
        let mut formats: Vec<Format> = Vec::new();
        for payload in self.media.formats.iter().filter_map(|text| payload_type(text)) {
            let fmtp = find(&self.fmtps, payload).unwrap_or_default();
            let codec = match find(&self.rtpmaps, payload) {
                Some(encoding) => Codec::from_rtpmap(encoding, fmtp),
                None => Codec::from_static(payload, fmtp),
            };
            if let Some(codec) = codec.filter(|_| formats.iter().all(|format| format.payload != payload)) {
                formats.push(Format { payload, codec });
            }
        }
        formats
    }
}

fn find<'a>(table: &[(u8, &'a str)], payload: u8) -> Option<&'a str> {
    table.iter().find(|(key, _)| *key == payload).map(|(_, value)| *value)
}

/// `101 telephone-event/8000`
fn by_payload(value: &str) -> Option<(u8, &str)> {
    let (payload, rest) = value.trim_start().split_once(' ')?;
    Some((payload_type(payload)?, rest.trim()))
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|payload| *payload <= 127)
}

/// A packet time out of a closed set, so that it is a packet time and no message.
fn packet_time(value: &str) -> Option<u8> {
    let value = value.trim().parse().ok()?;
    matches!(value, 10 | 20 | 30 | 40 | 50 | 60 | 80 | 100 | 120).then_some(value)
}

/// `IN IP4 203.0.113.1`: a unicast or unspecified address of the kind it says.
fn connection_address(value: &str) -> Option<IpAddr> {
    let mut fields = value.split_ascii_whitespace();
    let (net, kind, address) = (fields.next()?, fields.next()?, fields.next()?);
    let address = match kind {
        "IP4" => IpAddr::V4(address.parse().ok()?),
        "IP6" => IpAddr::V6(address.parse().ok()?).to_canonical(),
        _ => return None,
    };
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    (net == "IN" && !address.is_multicast() && !broadcast).then_some(address)
}

/// Whether a connection's address is a fully qualified domain name (RFC 8866 section 9, FQDN), and no address
/// gone wrong.
fn is_name(value: &str) -> bool {
    let fields: Vec<&str> = value.split_ascii_whitespace().take(4).collect();
    let ["IN", "IP4" | "IP6", name] = fields[..] else { return false };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    name.len() >= 4 && name.bytes().all(allowed) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `53020` or `53020 IN IP4 203.0.113.1` (RFC 3605 section 2.1).
fn rtcp_address(value: &str, default: IpAddr) -> Option<SocketAddr> {
    let (port, address) = match value.trim().split_once(' ') {
        Some((port, connection)) => (port, connection_address(connection)?),
        None => (value.trim(), default),
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!address.is_unspecified()).then(|| SocketAddr::new(address, port))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
