//! The session description (SDP) that a leg sends: generated from a crossing and the leg's own state.
//!
//! This file writes: it must not name what a party sent. The [`RemoteMedia`] it numbers its answer by is the same
//! leg's, made by [`super::read`].

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use ipnet::IpNet;

use super::Media;
use crate::relay::{Endpoint, PayloadMap};
use crate::sdp::{self, Codec, Direction, Format, Line, Local, Profile};

/// One leg's side of offer and answer (RFC 3264).
#[derive(Debug, Clone)]
pub struct LegMedia {
    session_id: u64,
    version: u64,
    address: IpAddr,
    port: u16,
    said: Option<Said>,
    /// What we said before an offer that has no answer yet.
    settled: Option<Said>,
    heard: Option<RemoteMedia>,
    /// What each payload type has stood for on this leg, whoever chose it.
    meanings: Vec<Format>,
}

/// What the leg's party last said of its media.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteMedia {
    /// Where it wants RTP; none on a hold by an unspecified address.
    pub rtp: Option<SocketAddr>,
    /// Where it wants RTCP, if not at the next port.
    pub rtcp: Option<SocketAddr>,
    /// Its direction, as it sees it.
    pub direction: Direction,
    /// Its payload types for the codecs that we know, in its order.
    pub formats: Vec<Format>,
    /// The packet time it asked for, in ms.
    pub ptime: Option<u8>,
    /// The profile of its audio line, which an answer repeats.
    pub profile: Profile,
    /// Its media lines, in order: an answer has as many.
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Said {
    formats: Vec<Format>,
    direction: Direction,
    ptime: Option<u8>,
    profile: Profile,
    lines: Vec<Line>,
    body: Bytes,
}

/// The lines of a description that answers none.
const AUDIO_ALONE: &[Line] = &[Line::Audio];
/// Payload types from here on are for codecs without a number of their own (RFC 3551 section 6).
const FIRST_DYNAMIC: u8 = 96;
/// By custom, telephone-event at 8 kHz has this one: old gateways expect it.
const TELEPHONE_EVENT: u8 = 101;

impl LegMedia {
    /// A leg whose media come to an address and port of ours; `session_id` is random.
    #[must_use]
    pub fn new(session_id: u64, address: IpAddr, port: u16) -> Self {
        Self {
            session_id: session_id >> 2,
            version: 0,
            address,
            port,
            said: None,
            settled: None,
            heard: None,
            meanings: Vec::new(),
        }
    }

    /// Takes note of what the party said.
    pub fn hear(&mut self, remote: RemoteMedia) {
        self.note(&remote.formats);
        self.heard = Some(remote);
        self.settled = None;
    }

    /// What the party last said.
    #[must_use]
    pub fn heard(&self) -> Option<&RemoteMedia> {
        self.heard.as_ref()
    }

    /// The media that we last said.
    #[must_use]
    pub fn media(&self) -> Option<Media> {
        let said = self.said.as_ref()?;
        let codecs = said.formats.iter().map(|format| format.codec).collect();
        Some(Media { codecs, ptime: said.ptime, direction: said.direction })
    }

    /// The codecs that both ends have said.
    #[must_use]
    pub fn agreed(&self) -> Vec<Codec> {
        let (Some(said), Some(heard)) = (&self.said, &self.heard) else { return Vec::new() };
        let codecs = said.formats.iter().map(|format| format.codec);
        codecs.filter(|ours| heard.formats.iter().any(|theirs| theirs.codec.matches(ours))).collect()
    }

    /// The answer to an offer that changes nothing: what we last said, to the letter, unless the party renumbered
    /// its payload types or its media lines.
    pub fn answer_again(&mut self) -> Option<Bytes> {
        let (said, heard) = (self.said.as_ref()?, self.heard.as_ref()?);
        let fits = |theirs: &Format| {
            said.formats
                .iter()
                .all(|ours| !ours.codec.matches(&theirs.codec) || ours.payload == theirs.payload)
        };
        if said.lines == heard.lines && said.profile == heard.profile && heard.formats.iter().all(fits) {
            return Some(said.body.clone());
        }
        let media = Media { codecs: self.agreed(), ptime: said.ptime, direction: said.direction };
        self.answer(&media)
    }

    /// An offer of what the other side wants. A codec for which no payload type is left is left out.
    pub fn offer(&mut self, media: &Media) -> Bytes {
        let mut formats: Vec<Format> = Vec::with_capacity(media.codecs.len());
        for codec in &media.codecs {
            let payload = self.known_payload(codec, &formats).or_else(|| self.free_payload(codec, &formats));
            formats.extend(payload.map(|payload| Format { payload, codec: *codec }));
        }
        self.settled = self.said.clone();
        self.say(formats, media)
    }

    /// Our offer was refused: what was said before it stands (RFC 3264 section 8). Its version is not used again.
    pub fn withdraw(&mut self) {
        if let Some(settled) = self.settled.take() {
            self.said = Some(settled);
        }
    }

    /// An answer to the party's offer with what the other side accepted, in the party's own payload types and
    /// within the direction that it offered (RFC 3264 section 6.1). `None` where nothing is left.
    pub fn answer(&mut self, media: &Media) -> Option<Bytes> {
        let heard = self.heard.as_ref()?;
        let mut formats: Vec<Format> = Vec::with_capacity(media.codecs.len());
        for codec in &media.codecs {
            let theirs = heard.formats.iter().find(|format| format.codec.matches(codec));
            let payload = theirs.map(|format| format.payload).filter(|payload| is_free(*payload, &formats));
            formats.extend(payload.map(|payload| Format { payload, codec: *codec }));
        }
        let (ours, theirs) = (media.direction, heard.direction);
        let direction = Direction::new(ours.sends() && theirs.receives(), ours.receives() && theirs.sends());
        let has_speech = formats.iter().any(|format| format.codec.is_speech());
        has_speech.then(|| self.say(formats, &Media { direction, ..media.clone() }))
    }

    /// What the media engine is to know of this side. `sources` are the networks that its packets may come from.
    #[must_use]
    pub fn endpoint(&self, sources: Vec<IpNet>) -> Endpoint {
        let (Some(said), Some(heard)) = (&self.said, &self.heard) else { return Endpoint::default() };
        let formats = said.formats.iter().filter_map(|ours| {
            let theirs = heard.formats.iter().find(|format| format.codec.matches(&ours.codec))?;
            Some(PayloadMap { codec: ours.codec, receive: ours.payload, send: theirs.payload })
        });
        Endpoint {
            rtp: heard.rtp,
            rtcp: heard.rtcp,
            sources,
            formats: formats.collect(),
            receives: said.direction.receives() && heard.direction.sends(),
            sends: said.direction.sends() && heard.direction.receives(),
            is_apart: false,
        }
    }

    /// Whether either end holds the other: media flow in one direction at most.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let said = self.said.as_ref().is_some_and(|said| said.direction != Direction::SendRecv);
        said || self.heard.as_ref().is_some_and(|heard| heard.direction != Direction::SendRecv)
    }

    fn say(&mut self, formats: Vec<Format>, media: &Media) -> Bytes {
        let lines = self.heard.as_ref().map_or(AUDIO_ALONE, |heard| &heard.lines);
        let profile = self.heard.as_ref().map_or(Profile::Avp, |heard| heard.profile);
        if let Some(said) = &self.said
            && said.formats == formats
            && said.direction == media.direction
            && said.ptime == media.ptime
            && said.profile == profile
            && said.lines == lines
        {
            return said.body.clone();
        }
        self.version += 1;
        let body = Bytes::from(sdp::write(&Local {
            session_id: self.session_id,
            version: self.version,
            address: self.address,
            port: self.port,
            rtcp_port: self.port + 1,
            formats: &formats,
            direction: media.direction,
            ptime: media.ptime,
            profile,
            lines,
        }));
        let lines = lines.to_vec();
        self.note(&formats);
        let said = Said { formats, direction: media.direction, ptime: media.ptime, profile, lines, body };
        self.said.insert(said).body.clone()
    }

    /// The payload type that this leg already has for a codec: it keeps its meaning for the whole session
    /// (RFC 3264 section 8.3.2).
    fn known_payload(&self, codec: &Codec, taken: &[Format]) -> Option<u8> {
        let said = self.said.iter().flat_map(|said| &said.formats);
        let heard = self.heard.iter().flat_map(|heard| &heard.formats);
        let mut known = said.chain(heard).chain(&self.meanings);
        let usable = |format: &&Format| format.codec.matches(codec) && is_free(format.payload, taken);
        known.find(usable).map(|format| format.payload)
    }

    /// A payload type for a codec that has none yet: one that never stood for another as long as there is one.
    fn free_payload(&self, codec: &Codec, taken: &[Format]) -> Option<u8> {
        let own = match codec {
            Codec::TelephoneEvent { clock: 8000 } => Some(TELEPHONE_EVENT),
            _ => codec.static_payload(),
        };
        let dynamic = || (FIRST_DYNAMIC..=127).filter(|payload| *payload != TELEPHONE_EVENT);
        let is_new = |payload: &u8| is_free(*payload, taken) && is_free(*payload, &self.meanings);
        let fresh = own.into_iter().chain(dynamic()).find(is_new);
        fresh.or_else(|| dynamic().find(|payload| is_free(*payload, taken)))
    }

    fn note(&mut self, formats: &[Format]) {
        for format in formats {
            match self.meanings.iter_mut().find(|known| known.payload == format.payload) {
                Some(known) => *known = *format,
                None => self.meanings.push(*format),
            }
        }
    }
}

fn is_free(payload: u8, taken: &[Format]) -> bool {
    !taken.iter().any(|format| format.payload == payload)
}
