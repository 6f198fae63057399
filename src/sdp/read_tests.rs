//! Tests of reading: what softphones and carriers send, and what nobody should.

use super::*;
use crate::sdp::AmrParams;

const HEAD: &str = "v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=call\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

fn read(rest: &str) -> Result<Description, Fault> {
    parse(format!("{HEAD}{rest}").as_bytes())
}

fn audio(rest: &str) -> Audio {
    read(rest).unwrap().audio.unwrap()
}

#[test]
fn reads_a_softphone_s_offer() {
    let audio = audio(
        "m=audio 49170 RTP/AVP 0 8 96 97 98 18 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\n\
         a=rtpmap:97 AMR/8000\r\na=fmtp:97 octet-align=1;mode-set=0,7\r\na=rtpmap:98 speex/8000\r\n\
         a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n\
         a=candidate:1 1 UDP 1 10.0.0.9 49170 typ host\r\na=ssrc:1 cname:alice@home\r\n",
    );
    let codecs: Vec<_> = audio.formats.iter().map(|format| (format.payload, format.codec)).collect();
    assert_eq!(
        codecs,
        [
            (0, Codec::Pcmu),
            (8, Codec::Pcma),
            (96, Codec::Opus { fec: true, stereo: false }),
            (97, Codec::Amr(AmrParams { octet_align: true, mode_set: 0x81 })),
            (18, Codec::G729 { annexb: false }),
            (101, Codec::TelephoneEvent { clock: 8000 }),
        ]
    );
    assert_eq!(audio.rtp_target(), Some("192.0.2.1:49170".parse().unwrap()));
    assert_eq!(audio.rtcp_target(), Some("192.0.2.1:49171".parse().unwrap()));
    assert_eq!((audio.ptime, audio.direction, audio.secure()), (Some(20), Direction::SendRecv, false));
}

#[test]
fn the_media_level_overrides_the_session_level() {
    let read =
        read("a=sendonly\r\na=ptime:30\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n");
    let audio = read.unwrap().audio.unwrap();
    assert_eq!(audio.rtp_target(), Some("[2001:db8::1]:4000".parse().unwrap()));
    assert_eq!((audio.direction, audio.ptime), (Direction::Inactive, Some(30)));
}

#[test]
fn the_session_level_is_inherited() {
    assert_eq!(audio("a=recvonly\r\nm=audio 4000 RTP/AVP 0\r\n").direction, Direction::RecvOnly);
}

#[test]
fn rtcp_goes_where_the_attribute_says() {
    let target = |line: &str| audio(&format!("m=audio 4000 RTP/AVP 0\r\n{line}\r\n")).rtcp_target();
    assert_eq!(target("a=rtcp:53020"), Some("192.0.2.1:53020".parse().unwrap()));
    assert_eq!(target("a=rtcp:53020 IN IP6 2001:db8::2"), Some("[2001:db8::2]:53020".parse().unwrap()));
    assert_eq!(target("a=rtcp:0"), Some("192.0.2.1:4001".parse().unwrap()));
    assert_eq!(target("a=rtcp:53020 IN IP4 alice.example"), Some("192.0.2.1:4001".parse().unwrap()));
    assert_eq!(audio("m=audio 65535 RTP/AVP 0\r\n").rtcp_target(), None);
}

#[test]
fn an_unspecified_address_is_a_hold() {
    let audio = audio("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n");
    assert_eq!((audio.rtp_target(), audio.rtcp_target()), (None, None));
    assert_eq!(audio.direction, Direction::SendOnly);
}

#[test]
fn other_media_is_declined_in_its_place() {
    let read = read(
        "m=video 5000 RTP/AVP 99 100\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/SAVP 0\r\nm=audio 4000 RTP/AVP 8\r\n\
         m=image 6000 udptl t38\r\n",
    );
    let read = read.unwrap();
    let audio = read.audio.unwrap();
    assert_eq!((audio.port, audio.profile), (4000, Profile::Avp), "with a port and in the clear comes first");
    let kinds = read.lines.iter().map(|line| match line {
        Line::Audio => "*".to_owned(),
        Line::Declined(line) => format!("{} {} {}", line.kind, line.protocol, line.format),
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["video RTP/AVP 99", "audio RTP/AVP 0", "audio RTP/SAVP 0", "*", "image udptl t38"]);
}

#[test]
fn a_secure_stream_is_taken_where_there_is_no_other() {
    assert!(audio("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n").secure());
    assert!(audio("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n").secure());
}

#[test]
fn a_refused_stream_has_port_zero_and_needs_no_address() {
    for connection in ["", "c=IN IP4 alice.example\r\n"] {
        let read = read(&format!("{connection}m=audio 0 RTP/AVP 0\r\n")).unwrap();
        assert_eq!(read.audio.unwrap().rtp_target(), None);
    }
}

#[test]
fn no_media_is_no_fault() {
    let read = read("").unwrap();
    assert_eq!((read.audio, read.lines.len()), (None, 0));
}

#[test]
fn an_audio_stream_must_have_a_usable_address() {
    let offer = |connection: &str| read(&format!("m=audio 4000 RTP/AVP 0\r\nc={connection}\r\n"));
    for connection in [
        "IN IP4 224.2.0.1/127",
        "IN IP4 192.0.2.300",
        "IN IP6 192.0.2.1",
        "IN IP6 ff02::1",
        "IN IP4 alice example",
        "IN IP4 al/ce.example",
        "X IP4 alice.example",
        "X",
    ] {
        assert_eq!(offer(connection), Err(Fault::Address), "{connection}");
    }
    for connection in ["IN IP4 alice.example", "IN IP6 a-1.example", "IN IP4 3com.com"] {
        assert_eq!(offer(connection), Err(Fault::Name), "{connection}");
    }
    assert_eq!(parse(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n"), Err(Fault::Address));
}

#[test]
fn what_is_no_description_is_told_apart() {
    for (body, fault) in [
        (&b""[..], Fault::Line),
        (b"v=1\r\n", Fault::Version),
        (b"o=- 1 1 IN IP4 192.0.2.1\r\n", Fault::Version),
        (b"v=0\r\nnonsense\r\n", Fault::Line),
        (b"v=0\r\ns=a\0b\r\n", Fault::Line),
        (b"v=0\r\na=\xff\r\n", Fault::Line),
        (b"v=0\r\nm=audio 70000 RTP/AVP 0\r\n", Fault::Media),
        (b"v=0\r\nm=audio 4000 RTP/AVP\r\n", Fault::Media),
        (b"v=0\r\nm=vi(deo 0 RTP/AVP 0\r\n", Fault::Media),
    ] {
        assert_eq!(parse(body), Err(fault), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn empty_lines_at_the_end_are_ignored() {
    assert!(read("m=audio 4000 RTP/AVP 0\r\n\r\n\r\n").is_ok());
    assert_eq!(read("\r\nm=audio 4000 RTP/AVP 0\r\n"), Err(Fault::Line));
}

#[test]
fn texts_that_are_not_read_may_be_in_any_encoding() {
    assert!(parse(b"v=0\r\ns=caf\xe9\r\n").is_ok());
}

#[test]
fn odd_formats_are_left_out() {
    let audio = audio("m=audio 4000 RTP/AVP 0 0 128 300 x 99 3\r\na=rtpmap:99\r\na=ptime:17\r\n");
    assert_eq!(audio.formats, [Format { payload: 0, codec: Codec::Pcmu }]);
    assert_eq!(audio.ptime, None);
}

#[test]
fn bombs_are_refused() {
    assert_eq!(read(&"a=x\r\n".repeat(limits::LINES)), Err(Fault::TooLarge));
    assert_eq!(read(&"m=audio 4000 RTP/AVP 0\r\n".repeat(limits::MEDIA + 1)), Err(Fault::TooLarge));
    assert_eq!(read(&format!("m=audio 4000 RTP/AVP{}\r\n", " 0".repeat(65))), Err(Fault::TooLarge));
    assert_eq!(read(&"a".repeat(limits::BODY)), Err(Fault::TooLarge));
    assert!(read(&"m=audio 4000 RTP/AVP 0\r\n".repeat(limits::MEDIA)).is_ok());
}
