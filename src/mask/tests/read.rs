//! From a description to what may cross.

use super::{ORDER, heard, read, request, sdp};
use crate::base::settings::CodecName;
use crate::mask::Media;
use crate::mask::read::{BodyFault, changes, description, everything};
use crate::sdp::{AmrParams, Codec, Direction};

const EVENT: Codec = Codec::TelephoneEvent { clock: 8000 };

#[test]
fn codecs_come_in_our_order_with_events_and_noise_at_their_clocks_alone() {
    let opus = Codec::Opus { fec: true, stereo: false };
    let rows: &[(&str, &[Codec])] = &[
        ("m=audio 4000 RTP/AVP 0 8", &[Codec::Pcma, Codec::Pcmu]),
        ("m=audio 4000 RTP/AVP 0 101|a=rtpmap:101 telephone-event/8000", &[Codec::Pcmu, EVENT]),
        (
            "m=audio 4000 RTP/AVP 0 13 101 102|a=rtpmap:101 telephone-event/8000|a=rtpmap:102 telephone-event/48000",
            &[Codec::Pcmu, EVENT, Codec::ComfortNoise { clock: 8000 }],
        ),
        (
            "m=audio 4000 RTP/AVP 0 96 101 102|a=rtpmap:96 opus/48000/2|a=fmtp:96 useinbandfec=1\
             |a=rtpmap:101 telephone-event/8000|a=rtpmap:102 telephone-event/48000",
            &[opus, Codec::Pcmu, EVENT, Codec::TelephoneEvent { clock: 48000 }],
        ),
        ("m=audio 4000 RTP/AVP 3 0 97|a=rtpmap:97 iLBC/8000", &[Codec::Pcmu]),
        ("m=audio 4000 RTP/AVP 0 96|a=rtpmap:96 PCMU/8000", &[Codec::Pcmu]),
    ];
    for (lines, expected) in rows {
        assert_eq!(heard(lines).media.codecs, *expected, "{lines}");
    }
}

#[test]
fn codecs_that_the_settings_leave_out_are_not_there() {
    let description = sdp("m=audio 4000 RTP/AVP 0 8 9");
    let description = crate::sdp::parse(description.as_bytes()).unwrap();
    let media =
        |order: &[CodecName]| crate::mask::read::media(&description, order).map(|heard| heard.media.codecs);
    assert_eq!(media(&[CodecName::Pcmu, CodecName::G722]), Ok(vec![Codec::Pcmu, Codec::G722]));
    assert_eq!(media(&[CodecName::Opus]), Err(BodyFault::NoAudio));
}

#[test]
fn what_can_not_be_relayed_is_no_audio() {
    for lines in [
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/SAVP 0",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 0",
        "m=audio 4000 RTP/AVP 3",
        "m=audio 4000 RTP/AVP 101|a=rtpmap:101 telephone-event/8000",
        "m=video 4000 RTP/AVP 0",
        "m=image 4000 udptl t38",
    ] {
        assert_eq!(read(lines), Err(BodyFault::NoAudio), "{lines}");
    }
}

#[test]
fn where_it_wants_media_stays_on_the_leg() {
    let heard = heard("m=audio 4000 RTP/AVP 0|a=rtcp:4005|a=ptime:30");
    assert_eq!(heard.remote.rtp.unwrap().to_string(), "192.0.2.1:4000");
    assert_eq!(heard.remote.rtcp.unwrap().to_string(), "192.0.2.1:4005");
    let expected = Media { codecs: vec![Codec::Pcmu], ptime: Some(30), direction: Direction::SendRecv };
    assert_eq!(heard.media, expected);
}

#[test]
fn hold_is_read_in_each_of_its_forms() {
    let rows = [
        ("m=audio 4000 RTP/AVP 0", true, Direction::SendRecv),
        ("m=audio 4000 RTP/AVP 0|a=sendonly", true, Direction::SendOnly),
        ("m=audio 4000 RTP/AVP 0|a=recvonly", true, Direction::RecvOnly),
        ("m=audio 4000 RTP/AVP 0|a=inactive", true, Direction::Inactive),
        ("m=audio 4000 RTP/AVP 0|c=IN IP4 0.0.0.0", false, Direction::SendOnly),
        ("m=audio 4000 RTP/AVP 0|c=IN IP4 0.0.0.0|a=sendrecv", false, Direction::SendOnly),
        ("m=audio 4000 RTP/AVP 0|c=IN IP4 0.0.0.0|a=recvonly", false, Direction::Inactive),
        ("m=audio 4000 RTP/AVP 0|c=IN IP6 ::", false, Direction::SendOnly),
    ];
    for (lines, has_address, direction) in rows {
        let heard = heard(lines);
        assert_eq!((heard.remote.rtp.is_some(), heard.media.direction), (has_address, direction), "{lines}");
        assert_eq!(heard.remote.direction, direction, "{lines}");
    }
}

#[test]
fn an_answer_is_narrowed_to_what_was_offered() {
    let answer = || heard("m=audio 4000 RTP/AVP 0 8 101|a=rtpmap:101 telephone-event/8000");
    let narrowed = |offered: &[Codec]| answer().narrowed(offered).map(|heard| heard.media.codecs);
    assert_eq!(narrowed(&[Codec::Pcmu]), Ok(vec![Codec::Pcmu]));
    assert_eq!(narrowed(&[EVENT, Codec::Pcma]), Ok(vec![Codec::Pcma, EVENT]));
    assert_eq!(narrowed(&[Codec::G722, EVENT]), Err(BodyFault::NoAudio), "events are no speech");
    assert_eq!(narrowed(&[]), Err(BodyFault::NoAudio));
}

#[test]
fn a_side_that_has_not_spoken_is_offered_everything() {
    let media = everything(&ORDER);
    assert_eq!((media.ptime, media.direction), (None, Direction::SendRecv));
    let clocks = media.codecs.iter().filter(|codec| !codec.is_speech()).map(Codec::clock_rate);
    assert_eq!(clocks.collect::<Vec<_>>(), [8000, 16000, 48000], "an event format for each clock");
    assert_eq!(media.codecs.iter().filter(|codec| codec.is_speech()).count(), ORDER.len());
    assert_eq!(everything(&[CodecName::Pcmu]).codecs, [Codec::Pcmu, EVENT]);
}

const BOTH: &str = "m=audio 4000 RTP/AVP 8 0 101|a=rtpmap:101 telephone-event/8000";

#[test]
fn only_a_change_of_codec_direction_or_packet_time_crosses() {
    let before = heard(BOTH);
    let agreed = [Codec::Pcma, EVENT];
    let event = "|a=rtpmap:101 telephone-event/8000";
    let rows: &[(&str, String, bool)] = &[
        ("a refresh", BOTH.into(), false),
        ("a new port", BOTH.replace("4000", "4002"), false),
        ("a new address", format!("{BOTH}|c=IN IP4 203.0.113.5"), false),
        ("new payload types", BOTH.replace("101", "96"), false),
        ("another order of what was offered", format!("m=audio 4000 RTP/AVP 0 8 101{event}"), false),
        ("a codec that was not in use gone", format!("m=audio 4000 RTP/AVP 8 101{event}"), false),
        ("a new codec behind those known", format!("m=audio 4000 RTP/AVP 8 0 9 101{event}"), false),
        ("a packet time where none was said", format!("{BOTH}|a=ptime:20"), false),
        ("RTCP elsewhere", format!("{BOTH}|a=rtcp:9"), false),
        ("video beside it", format!("{BOTH}|m=video 5000 RTP/AVP 99"), false),
        ("the codec in use gone", format!("m=audio 4000 RTP/AVP 0 101{event}"), true),
        ("events gone", "m=audio 4000 RTP/AVP 8 0".into(), true),
        ("a codec never offered put first", format!("m=audio 4000 RTP/AVP 9 8 0 101{event}"), true),
        ("hold", format!("{BOTH}|a=sendonly"), true),
        ("hold by address", format!("{BOTH}|c=IN IP4 0.0.0.0"), true),
        ("inactive", format!("{BOTH}|a=inactive"), true),
    ];
    for (what, offer, crosses) in rows {
        assert_eq!(changes(&before.remote, &agreed, &heard(offer)), *crosses, "{what}");
    }
}

#[test]
fn resuming_and_another_packet_time_cross() {
    let held = heard(&format!("{BOTH}|a=sendonly|a=ptime:20"));
    let agreed = [Codec::Pcma];
    let rows = [
        ("still held", "a=sendonly|a=ptime:20", false),
        ("still held, without a word on packet time", "a=sendonly", false),
        ("resumed", "a=sendrecv|a=ptime:20", true),
        ("held otherwise", "a=inactive|a=ptime:20", true),
        ("another packet time", "a=sendonly|a=ptime:30", true),
    ];
    for (what, lines, crosses) in rows {
        assert_eq!(changes(&held.remote, &agreed, &heard(&format!("{BOTH}|{lines}"))), crosses, "{what}");
    }
}

#[test]
fn amr_matches_by_its_payload_format() {
    let amr = |fmtp: &str| heard(&format!("m=audio 4000 RTP/AVP 96|a=rtpmap:96 AMR/8000|a=fmtp:96 {fmtp}"));
    let aligned = Codec::Amr(AmrParams { octet_align: true, mode_set: 0 });
    let before = amr("octet-align=1");
    assert!(!changes(&before.remote, &[aligned], &amr("octet-align=1;mode-set=0,7")));
    assert!(changes(&before.remote, &[aligned], &amr("octet-align=0")));
}

#[test]
fn a_body_is_read_by_its_type_and_encoding() {
    let body = sdp("m=audio 4000 RTP/AVP 0");
    let read = |headers: &str, body: &str| description(&request(headers, body)).map(|found| found.is_some());
    let multipart = format!(
        "--b\r\nContent-Type: application/isup\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{body}\r\n--b--\r\n"
    );
    let rows: &[(&str, &str, Result<bool, BodyFault>)] = &[
        ("Content-Type: application/sdp\r\n", "", Ok(false)),
        ("Content-Type: application/sdp\r\n", &body, Ok(true)),
        ("c: Application/SDP;charset=utf-8\r\n", &body, Ok(true)),
        ("", &body, Ok(true)),
        ("Content-Type: application/sdp\r\nContent-Encoding: identity\r\n", &body, Ok(true)),
        ("Content-Type: application/sdp\r\ne: gzip\r\n", &body, Err(BodyFault::Unsupported)),
        ("Content-Type: application/sdp\r\n", "v=1\r\n", Err(BodyFault::Malformed)),
        ("Content-Type: text/plain\r\n", "hello", Err(BodyFault::Unsupported)),
        ("Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n", "hello", Ok(false)),
        (
            "Content-Type: text/plain\r\nContent-Disposition: render;handling=required\r\n",
            "hello",
            Err(BodyFault::Unsupported),
        ),
        ("Content-Type: multipart/mixed;boundary=b\r\n", &multipart, Ok(true)),
        ("Content-Type: multipart/mixed\r\n", &multipart, Err(BodyFault::Unsupported)),
    ];
    for (headers, body, expected) in rows {
        assert_eq!(read(headers, body), *expected, "{headers}");
    }
}
