//! Writing a description: generated from our own values, so that nothing of another party can be in it.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{Direction, Format, Line, Profile};

/// What we say of our end of one leg.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// Session id of the o-line, constant for the leg.
    pub session_id: u64,
    /// Version of the o-line, one higher with each change (RFC 3264 section 8).
    pub version: u64,
    /// The address that the leg's peer reaches us at.
    pub address: IpAddr,
    /// RTP port; 0 to refuse or end the stream.
    pub port: u16,
    /// RTCP port, said only where it is not the one after RTP's (RFC 3605).
    pub rtcp_port: u16,
    /// What we receive, in order of preference.
    pub formats: &'a [Format],
    /// Which way the stream flows, seen from us.
    pub direction: Direction,
    /// Milliseconds of audio per packet that we want to receive.
    pub ptime: Option<u8>,
    /// The profile of the audio stream: the offer's, in an answer.
    pub profile: Profile,
    /// The m-lines of the offer that this answers, or of our own last offer; empty for audio alone.
    pub lines: &'a [Line],
}

/// Writes the description, ready to be a body of type `application/sdp`.
#[must_use]
pub fn write(local: &Local<'_>) -> Vec<u8> {
    let Local { session_id, version, address, .. } = local;
    let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
    let mut text = String::with_capacity(512);
    text.push_str("v=0\r\n");
    put(&mut text, format_args!("o=- {session_id} {version} IN {kind} {address}"));
    put(&mut text, format_args!("s=-"));
    put(&mut text, format_args!("c=IN {kind} {address}"));
    put(&mut text, format_args!("t=0 0"));
    let lines = if local.lines.is_empty() { &[Line::Audio][..] } else { local.lines };
    for line in lines {
        match line {
            Line::Audio => audio(&mut text, local),
            Line::Declined(line) => {
                put(&mut text, format_args!("m={} 0 {} {}", line.kind, line.protocol, line.format));
            }
        }
    }
    text.into_bytes()
}

/// The audio stream's m-line and attributes. Without formats it names PCMU, since an m-line needs one even when
/// its port is 0.
fn audio(text: &mut String, local: &Local<'_>) {
    let mut payloads = String::new();
    for format in local.formats {
        let _ = write!(payloads, " {}", format.payload);
    }
    if payloads.is_empty() {
        payloads.push_str(" 0");
    }
    put(text, format_args!("m=audio {} {}{payloads}", local.port, local.profile.token()));
    if local.port == 0 {
        return;
    }
    for Format { payload, codec } in local.formats {
        let (name, clock) = (codec.name(), codec.clock_rate());
        let channels = if codec.channels() == 2 { "/2" } else { "" };
        put(text, format_args!("a=rtpmap:{payload} {name}/{clock}{channels}"));
        if let Some(fmtp) = codec.fmtp() {
            put(text, format_args!("a=fmtp:{payload} {fmtp}"));
        }
    }
    if let Some(ptime) = local.ptime {
        put(text, format_args!("a=ptime:{ptime}"));
    }
    if local.port.checked_add(1) != Some(local.rtcp_port) {
        put(text, format_args!("a=rtcp:{}", local.rtcp_port));
    }
    put(text, format_args!("a={}", local.direction.attribute()));
}

/// Appends a line.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a String takes all that is written to it");
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sdp::{AmrParams, Codec, Declined, parse};

    fn local(formats: &[Format]) -> Local<'_> {
        Local {
            session_id: 7,
            version: 2,
            address: [198, 51, 100, 7].into(),
            port: 20000,
            rtcp_port: 20001,
            formats,
            direction: Direction::SendRecv,
            ptime: Some(20),
            profile: Profile::Avp,
            lines: &[],
        }
    }

    #[test]
    fn says_nothing_but_what_is_ours() {
        let formats = [
            Format { payload: 0, codec: Codec::Pcmu },
            Format { payload: 96, codec: Codec::Opus { fec: true, stereo: true } },
            Format { payload: 101, codec: Codec::TelephoneEvent { clock: 8000 } },
        ];
        assert_eq!(
            String::from_utf8(write(&local(&formats))).unwrap(),
            "v=0\r\no=- 7 2 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
             m=audio 20000 RTP/AVP 0 96 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 opus/48000/2\r\n\
             a=fmtp:96 useinbandfec=1;stereo=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
             a=ptime:20\r\na=sendrecv\r\n"
        );
    }

    #[test]
    fn repeats_declined_lines_in_place() {
        let video = Declined { kind: "video".into(), protocol: "RTP/AVP".into(), format: "99".into() };
        let lines = [Line::Declined(video), Line::Audio];
        let formats = [Format { payload: 8, codec: Codec::Pcma }];
        let text = String::from_utf8(write(&Local { lines: &lines, ..local(&formats) })).unwrap();
        assert!(text.contains("t=0 0\r\nm=video 0 RTP/AVP 99\r\nm=audio 20000 RTP/AVP 8\r\n"), "{text}");
    }

    #[test]
    fn a_refused_stream_is_a_bare_line() {
        let text = String::from_utf8(write(&Local { port: 0, ..local(&[]) })).unwrap();
        assert!(text.ends_with("t=0 0\r\nm=audio 0 RTP/AVP 0\r\n"), "{text}");
    }

    fn codec() -> impl Strategy<Value = Codec> {
        let clock = prop::sample::select(vec![8000u32, 16000, 32000, 48000]);
        let amr = |bits| {
            (any::<bool>(), 0u16..bits)
                .prop_map(|(octet_align, mode_set)| AmrParams { octet_align, mode_set })
        };
        prop_oneof![
            Just(Codec::Pcmu),
            Just(Codec::Pcma),
            Just(Codec::G722),
            any::<(bool, bool)>().prop_map(|(fec, stereo)| Codec::Opus { fec, stereo }),
            any::<bool>().prop_map(|annexb| Codec::G729 { annexb }),
            amr(1 << 8).prop_map(Codec::Amr),
            amr(1 << 9).prop_map(Codec::AmrWb),
            clock.clone().prop_map(|clock| Codec::TelephoneEvent { clock }),
            clock.prop_map(|clock| Codec::ComfortNoise { clock }),
        ]
    }

    fn formats() -> impl Strategy<Value = Vec<Format>> {
        prop::collection::btree_map(0u8..=127, codec(), 1..20)
            .prop_map(|map| map.into_iter().map(|(payload, codec)| Format { payload, codec }).collect())
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            formats in formats(),
            v6 in any::<bool>(),
            port in 1u16..65534,
            rtcp_port in 1u16..,
            (sends, receives) in any::<(bool, bool)>(),
            ptime in prop::option::of(prop::sample::select(vec![10u8, 20, 30, 40, 60])),
        ) {
            let address: IpAddr = if v6 { "2001:db8::7".parse().unwrap() } else { [192, 0, 2, 7].into() };
            let direction = Direction::new(sends, receives);
            let said = Local { address, port, rtcp_port, direction, ptime, ..local(&formats) };
            let read = parse(&write(&said)).unwrap();
            prop_assert_eq!(&read.lines, &[Line::Audio]);
            let audio = read.audio.unwrap();
            prop_assert_eq!((audio.address, audio.port), (address, port));
            prop_assert_eq!(audio.rtcp_target().unwrap().port(), rtcp_port);
            prop_assert_eq!((audio.direction, audio.ptime), (direction, ptime));
            prop_assert_eq!(audio.formats, formats);
        }

        #[test]
        fn reading_never_panics(
            lines in prop::collection::vec("(v=0|m=(audio|image) [0-9]{1,5} RTP/AVP[ 0-9]*|[acmotv]=[ -~]{0,40}|\\PC{0,20})", 0..40),
        ) {
            let _ = parse(format!("v=0\r\n{}", lines.join("\r\n")).as_bytes());
        }

        #[test]
        fn reading_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
