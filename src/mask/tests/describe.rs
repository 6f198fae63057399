//! What a leg says: payload types, versions, directions, holds.

use bytes::Bytes;

use super::{audio, heard, version};
use crate::mask::Media;
use crate::mask::describe::LegMedia;
use crate::relay::PayloadMap;
use crate::sdp::{AmrParams, Codec, Direction, parse};

const EVENT: Codec = Codec::TelephoneEvent { clock: 8000 };
const OPUS: Codec = Codec::Opus { fec: true, stereo: false };

fn leg() -> LegMedia {
    LegMedia::new(7 << 2, [198, 51, 100, 7].into(), 20_000)
}

fn media(codecs: &[Codec]) -> Media {
    Media { codecs: codecs.to_vec(), ptime: None, direction: Direction::SendRecv }
}

fn directed(direction: Direction) -> Media {
    Media { direction, ..media(&[Codec::Pcmu]) }
}

/// Payload types and codec names of a body.
fn formats(body: &Bytes) -> Vec<(u8, &'static str)> {
    let audio = parse(body).unwrap().audio.unwrap();
    audio.formats.iter().map(|format| (format.payload, format.codec.name())).collect()
}

#[test]
fn an_offer_numbers_static_types_by_the_book_and_the_rest_from_96() {
    let body =
        leg().offer(&media(&[OPUS, Codec::G722, Codec::Pcma, Codec::Amr(AmrParams::default()), EVENT]));
    assert_eq!(
        formats(&body),
        [(96, "opus"), (9, "G722"), (8, "PCMA"), (97, "AMR"), (101, "telephone-event")]
    );
    let body = leg().offer(&media(&[OPUS, Codec::Pcmu, EVENT, Codec::TelephoneEvent { clock: 48000 }]));
    assert_eq!(
        formats(&body),
        [(96, "opus"), (0, "PCMU"), (101, "telephone-event"), (97, "telephone-event")]
    );
    let session =
        "v=0\r\no=- 7 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 20000 ";
    assert!(body.starts_with(session.as_bytes()));
}

#[test]
fn an_answer_is_numbered_by_the_offer() {
    let mut leg = leg();
    leg.hear(heard(
        "m=audio 4000 RTP/AVP 97 112 0 120|a=rtpmap:97 AMR/8000|a=rtpmap:112 opus/48000/2|a=rtpmap:120 telephone-event/8000",
    ).remote);
    let body = leg.answer(&media(&[OPUS, Codec::Pcmu, EVENT])).unwrap();
    assert_eq!(formats(&body), [(112, "opus"), (0, "PCMU"), (120, "telephone-event")]);
    assert!(leg.answer(&media(&[Codec::G722, EVENT])).is_none(), "nothing to speak with is left");
    assert!(self::leg().answer(&media(&[OPUS])).is_none(), "to no offer");
}

#[test]
fn an_answer_names_each_payload_type_once() {
    let mut leg = leg();
    leg.hear(heard("m=audio 4000 RTP/AVP 96|a=rtpmap:96 AMR/8000").remote);
    let amr = |mode_set| Codec::Amr(AmrParams { octet_align: false, mode_set });
    let body = leg.answer(&media(&[amr(1), amr(2)])).unwrap();
    assert!(
        audio(&body).starts_with("m=audio 20000 RTP/AVP 96|a=rtpmap:96 AMR/8000|a=fmtp:96 mode-set=0|"),
        "{}",
        audio(&body)
    );
}

#[test]
fn a_payload_type_keeps_its_meaning_as_long_as_the_leg_lives() {
    let mut leg = leg();
    leg.hear(
        heard("m=audio 4000 RTP/AVP 96 0 97|a=rtpmap:96 opus/48000/2|a=rtpmap:97 telephone-event/8000")
            .remote,
    );
    leg.answer(&media(&[OPUS, EVENT])).unwrap();
    let amr = Codec::Amr(AmrParams::default());

    let body = leg.offer(&media(&[amr, Codec::Pcmu, EVENT]));
    assert_eq!(
        formats(&body),
        [(98, "AMR"), (0, "PCMU"), (97, "telephone-event")],
        "96 stays Opus, 97 events"
    );
    leg.hear(heard("m=audio 4000 RTP/AVP 98|a=rtpmap:98 AMR/8000").remote);
    let body = leg.offer(&media(&[OPUS, amr]));
    assert_eq!(formats(&body), [(96, "opus"), (98, "AMR")], "also after an offer without it");
    let body = leg.offer(&media(&[Codec::AmrWb(AmrParams::default()), Codec::Pcma]));
    assert_eq!(formats(&body), [(99, "AMR-WB"), (8, "PCMA")]);
}

#[test]
fn a_number_of_the_party_is_not_taken_for_something_else() {
    let mut leg = leg();
    leg.hear(
        heard("m=audio 4000 RTP/AVP 0 101 96|a=rtpmap:101 opus/48000/2|a=rtpmap:96 telephone-event/8000")
            .remote,
    );
    leg.answer(&media(&[Codec::Pcmu])).unwrap();
    let body = leg.offer(&media(&[OPUS, Codec::Pcmu, EVENT]));
    assert_eq!(formats(&body), [(101, "opus"), (0, "PCMU"), (96, "telephone-event")]);

    let mut leg = self::leg();
    leg.hear(heard("m=audio 4000 RTP/AVP 0 101|a=rtpmap:0 PCMA/8000|a=rtpmap:101 opus/48000/2").remote);
    leg.answer(&media(&[Codec::Pcma])).unwrap();
    let body = leg.offer(&media(&[Codec::Pcmu, EVENT]));
    assert_eq!(formats(&body), [(96, "PCMU"), (97, "telephone-event")], "0 and 101 have other meanings here");
}

#[test]
fn more_codecs_than_payload_types_do_no_harm() {
    let payloads: Vec<u8> = (64..128).collect();
    let list: Vec<String> = payloads.iter().map(ToString::to_string).collect();
    let mut lines = format!("m=audio 4000 RTP/AVP {}", list.join(" "));
    for (place, payload) in payloads.iter().enumerate() {
        let modes: Vec<String> =
            (0..7).filter(|bit| (place + 1) & (1 << bit) != 0).map(|bit: u8| bit.to_string()).collect();
        lines += &format!("|a=rtpmap:{payload} AMR/8000|a=fmtp:{payload} mode-set={}", modes.join(","));
    }
    let crossing = heard(&lines).media;
    assert_eq!(crossing.codecs.len(), 64, "each is a codec of its own");
    let body = leg().offer(&crossing);
    assert_eq!(formats(&body).len(), 31);

    let mut leg = leg();
    for place in 1..100 {
        let amr = Codec::Amr(AmrParams { octet_align: false, mode_set: place });
        let body = leg.offer(&media(&[amr, Codec::Pcmu]));
        assert_eq!(formats(&body).len(), 2, "offer {place}");
    }
}

#[test]
fn the_version_goes_up_with_a_change_and_only_then() {
    let mut leg = leg();
    let first = leg.offer(&media(&[Codec::Pcmu, EVENT]));
    assert_eq!(version(&first), 1);
    leg.hear(heard("m=audio 4000 RTP/AVP 0 101|a=rtpmap:101 telephone-event/8000").remote);
    let again = leg.offer(&media(&[Codec::Pcmu, EVENT]));
    assert_eq!(again, first, "the same bytes");
    assert_eq!(leg.answer_again(), Some(first), "a refresh hears them too");
    for (count, media) in (2..).zip([
        directed(Direction::SendOnly),
        directed(Direction::SendRecv),
        media(&[Codec::Pcmu, Codec::Pcma]),
        Media { ptime: Some(30), ..media(&[Codec::Pcmu, Codec::Pcma]) },
    ]) {
        assert_eq!(version(&leg.offer(&media)), count);
    }
}

#[test]
fn a_move_of_address_is_answered_under_the_same_version() {
    let mut leg = leg();
    leg.hear(heard("m=audio 4000 RTP/AVP 0 8").remote);
    let first = leg.answer(&media(&[Codec::Pcmu])).unwrap();
    leg.hear(heard("m=audio 4002 RTP/AVP 0 8|c=IN IP4 203.0.113.9").remote);
    let said = leg.media().unwrap();
    assert_eq!(leg.answer(&said), Some(first));
    assert_eq!(leg.endpoint(vec![]).rtp.unwrap().to_string(), "203.0.113.9:4002");
}

#[test]
fn an_answer_has_as_many_lines_as_the_offer_and_its_profile() {
    let mut leg = leg();
    leg.hear(heard("m=video 5000 RTP/AVP 99|m=audio 4000 RTP/AVPF 0|m=image 6000 udptl t38").remote);
    let body = leg.answer(&media(&[Codec::Pcmu])).unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines, ["m=video 0 RTP/AVP 99", "m=audio 20000 RTP/AVPF 0", "m=image 0 udptl t38"]);

    leg.hear(heard("m=text 5000 RTP/AVP 99|m=audio 4000 RTP/AVPF 0|m=image 6000 udptl t38").remote);
    let body = leg.answer(&media(&[Codec::Pcmu])).unwrap();
    assert!(
        std::str::from_utf8(&body).unwrap().contains("m=text 0 RTP/AVP 99"),
        "a line of another kind is another answer"
    );
    assert_eq!(version(&body), 2);
    leg.hear(heard("m=text 5000 RTP/AVP 99|m=audio 4000 RTP/AVP 0|m=image 6000 udptl t38").remote);
    assert!(audio(&leg.answer(&media(&[Codec::Pcmu])).unwrap()).starts_with("m=audio 20000 RTP/AVP 0|"));
}

#[test]
fn hold_and_its_answers() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    // What the party offers, what the other side answers to it, and what of it the party may hear: RFC 3264
    // section 6.1 lets an answer only take away.
    let rows = [
        (SendRecv, SendRecv, SendRecv),
        (SendRecv, SendOnly, SendOnly),
        (SendRecv, RecvOnly, RecvOnly),
        (SendRecv, Inactive, Inactive),
        (SendOnly, RecvOnly, RecvOnly),
        (SendOnly, Inactive, Inactive),
        (SendOnly, SendRecv, RecvOnly),
        (SendOnly, SendOnly, Inactive),
        (RecvOnly, SendOnly, SendOnly),
        (RecvOnly, SendRecv, SendOnly),
        (RecvOnly, RecvOnly, Inactive),
        (Inactive, Inactive, Inactive),
        (Inactive, SendRecv, Inactive),
    ];
    for (offer, answer, expected) in rows {
        let mut leg = leg();
        leg.hear(heard(&format!("m=audio 4000 RTP/AVP 0|a={}", offer.attribute())).remote);
        let body = leg.answer(&directed(answer)).unwrap();
        assert!(audio(&body).ends_with(&format!("a={}", expected.attribute())), "{offer:?}, {answer:?}");
        let endpoint = leg.endpoint(vec![]);
        let expected_flow = (expected.receives(), expected.sends());
        assert_eq!((endpoint.receives, endpoint.sends), expected_flow, "{offer:?}, {answer:?}");
        assert_eq!(leg.is_held(), expected != SendRecv || offer != SendRecv, "{offer:?}, {answer:?}");
    }
}

#[test]
fn an_offer_of_ours_shows_the_other_sides_direction() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (offer, answer, receives, sends) in [
        (SendRecv, SendRecv, true, true),
        (SendOnly, RecvOnly, false, true),
        (SendOnly, Inactive, false, false),
        (RecvOnly, SendOnly, true, false),
        (Inactive, Inactive, false, false),
        (SendOnly, SendRecv, false, true),
    ] {
        let mut leg = leg();
        assert!(audio(&leg.offer(&directed(offer))).ends_with(&format!("a={}", offer.attribute())));
        leg.hear(heard(&format!("m=audio 4000 RTP/AVP 0|a={}", answer.attribute())).remote);
        let endpoint = leg.endpoint(vec![]);
        assert_eq!((endpoint.receives, endpoint.sends), (receives, sends), "{offer:?}, {answer:?}");
    }
}

#[test]
fn the_engine_learns_both_numbers_of_a_codec() {
    let mut leg = leg();
    assert_eq!(leg.endpoint(vec![]).formats, [], "nothing is known");
    leg.offer(&media(&[OPUS, Codec::Pcmu, EVENT]));
    assert!(!leg.endpoint(vec![]).receives, "nothing is heard");
    leg.hear(
        heard("m=audio 4000 RTP/AVP 110 111|a=rtpmap:110 opus/48000/2|a=rtpmap:111 telephone-event/8000")
            .remote,
    );
    let endpoint = leg.endpoint(vec!["192.0.2.0/24".parse().unwrap()]);
    let map = |codec, receive, send| PayloadMap { codec, receive, send };
    assert_eq!(endpoint.formats, [map(OPUS, 96, 110), map(EVENT, 101, 111)]);
    assert_eq!(endpoint.sources.len(), 1);
}

#[test]
fn nothing_of_a_party_crosses_but_what_the_type_holds() {
    let heard = heard(
        "m=audio 4000 RTP/AVP 0 96|a=rtpmap:96 opus/48000/2|a=fmtp:96 useinbandfec=1;x-tel=+919876500002\
         |a=ssrc:1 cname:bob@10.0.0.9|a=candidate:1 1 UDP 1 10.0.0.9 4000 typ host|a=label:bob",
    );
    let body = leg().offer(&heard.media);
    let text = std::str::from_utf8(&body).unwrap();
    for token in ["bob", "Bob", "10.0.0.9", "192.0.2.1", "4000", "9876500002", "ssrc", "candidate", "label"] {
        assert!(!text.contains(token), "{token} in {text}");
    }
}

#[test]
fn what_changes_nothing_is_answered_to_the_letter() {
    let event = "|a=rtpmap:101 telephone-event/8000";
    let offer = format!("m=audio 4000 RTP/AVP 8 0 101{event}");
    let rows = [
        ("the same again", offer.clone(), true),
        ("a move", offer.replace("4000", "4002"), true),
        ("another order", format!("m=audio 4000 RTP/AVP 0 101 8{event}"), true),
        ("a codec more behind", format!("m=audio 4000 RTP/AVP 8 0 101 9{event}"), true),
        ("another number", offer.replace("101", "96"), false),
        ("a line more", format!("{offer}|m=video 5000 RTP/AVP 99"), false),
    ];
    for (what, again, to_the_letter) in rows {
        let mut leg = leg();
        assert_eq!(leg.answer_again(), None, "nothing was said");
        leg.hear(heard(&offer).remote);
        let first = leg.answer(&media(&[Codec::Pcma, EVENT])).unwrap();
        assert_eq!(leg.agreed(), [Codec::Pcma, EVENT]);
        leg.hear(heard(&again).remote);
        let second = leg.answer_again().unwrap();
        assert_eq!(second == first, to_the_letter, "{what}");
        assert_eq!(version(&second), if to_the_letter { 1 } else { 2 }, "{what}");
        assert_eq!(leg.agreed(), [Codec::Pcma, EVENT], "{what}");
    }
}

#[test]
fn agreed_is_what_both_ends_have_said() {
    let mut leg = leg();
    assert_eq!(leg.agreed(), []);
    leg.offer(&media(&[OPUS, Codec::Pcma, Codec::Pcmu, EVENT]));
    assert_eq!(leg.agreed(), [], "an offer alone is no agreement");
    leg.hear(heard("m=audio 4000 RTP/AVP 0 9 120|a=rtpmap:120 telephone-event/8000").remote);
    assert_eq!(leg.agreed(), [Codec::Pcmu, EVENT]);
}
