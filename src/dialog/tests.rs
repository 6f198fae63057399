use bytes::Bytes;

use super::*;
use crate::base::{ConnectionId, Transport};
use crate::sip::{Message, Method};

fn flow(local: &str, remote: &str) -> Flow {
    let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
    Flow { transport: Transport::Udp, local, remote, connection: None }
}

fn peer() -> Flow {
    flow("198.51.100.7:5060", "192.0.2.1:5080")
}

/// A request of the peer; `more` are whole header lines.
fn request(method: &str, cseq: u32, more: &str) -> Request {
    let text = format!(
        "{method} sip:us@198.51.100.7 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKa\r\n\
         From: \"Them\" <sip:them@192.0.2.1>;tag=theirs\r\nTo: <sip:us@198.51.100.7>\r\nCall-ID: call\r\n\
         CSeq: {cseq} {method}\r\n{more}Content-Length: 0\r\n\r\n"
    );
    match Message::parse(text.into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// A response of the peer to our INVITE, with `tag` in its To; `more` are whole header lines.
fn response(tag: &str, more: &str) -> Response {
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKb\r\n\
         From: <sip:shown@198.51.100.7>;tag=ours\r\nTo: <sip:callee@192.0.2.1>{tag}\r\nCall-ID: call\r\n\
         CSeq: 1 INVITE\r\n{more}Content-Length: 0\r\n\r\n"
    );
    match Message::parse(text.into()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn uas(more: &str) -> Dialog {
    Dialog::uas(&request("INVITE", 10, more), peer(), "ours".into())
}

fn uac() -> Dialog {
    let (local, remote) = ("<sip:shown@198.51.100.7>".into(), "<sip:callee@192.0.2.1>".into());
    Dialog::uac("call".into(), local, "ours".into(), remote, "sip:callee@192.0.2.1:5080".into(), peer())
}

fn established(more: &str) -> Dialog {
    let mut dialog = uac();
    dialog.request("via".into());
    dialog.establish(&response(";tag=theirs", more)).unwrap();
    dialog
}

/// Request-URI, Route values and the address of the next request.
fn path(dialog: &mut Dialog) -> (String, Vec<String>, String) {
    let hop = dialog.next_hop().remote.to_string();
    let head = dialog.request("via".into());
    (head.uri.into(), head.routes.iter().map(ToString::to_string).collect(), hop)
}

#[test]
fn a_callee_takes_ids_target_and_route_set_in_order() {
    let more = "Contact: <sip:phone@10.0.0.9:5070>\r\n\
                Record-Route: <sip:p2@192.0.2.2;lr>, <sip:p1@192.0.2.3;lr>\r\nRecord-Route: <sip:p0@192.0.2.4;lr>\r\n";
    let mut dialog = uas(more);
    assert_eq!((&*dialog.call_id, &*dialog.local_tag, &*dialog.remote_tag), ("call", "ours", "theirs"));
    let head = dialog.request("via".into());
    assert_eq!(&*head.from, "<sip:us@198.51.100.7>;tag=ours");
    assert_eq!(&*head.to, "\"Them\" <sip:them@192.0.2.1>;tag=theirs");
    assert_eq!((&*head.call_id, head.cseq, head.max_forwards), ("call", 1, 70));
    let routes =
        ["<sip:p2@192.0.2.2;lr>", "<sip:p1@192.0.2.3;lr>", "<sip:p0@192.0.2.4;lr>"].map(String::from);
    let expected = ("sip:phone@10.0.0.9:5070".into(), routes.to_vec(), "192.0.2.2:5060".into());
    assert_eq!(path(&mut dialog), expected);
}

#[test]
fn a_caller_takes_target_tag_and_route_set_reversed_from_the_2xx() {
    let more = "Contact: <sip:phone@10.0.0.9:5070>\r\n\
                Record-Route: <sip:p2@192.0.2.2:5062;lr>, <sip:p1@192.0.2.3;lr>\r\n";
    let mut dialog = established(more);
    assert_eq!(&*dialog.remote_tag, "theirs");
    let head = dialog.request("via".into());
    assert_eq!(
        (&*head.from, &*head.to),
        ("<sip:shown@198.51.100.7>;tag=ours", "<sip:callee@192.0.2.1>;tag=theirs")
    );
    let routes = ["<sip:p1@192.0.2.3;lr>", "<sip:p2@192.0.2.2:5062;lr>"].map(String::from);
    let expected = ("sip:phone@10.0.0.9:5070".into(), routes.to_vec(), "192.0.2.3:5060".into());
    assert_eq!(path(&mut dialog), expected);
}

#[test]
fn the_first_request_goes_to_its_own_uri() {
    assert_eq!(path(&mut uac()), ("sip:callee@192.0.2.1:5080".into(), vec![], "192.0.2.1:5080".into()));
}

#[test]
fn a_strict_router_takes_the_request_uri_and_the_target_goes_last() {
    let contact = "Contact: <sip:phone@10.0.0.9>\r\n";
    let rows: &[(&str, &str, &[&str], &str)] = &[
        ("<sip:p1@192.0.2.2>", "sip:p1@192.0.2.2", &["<sip:phone@10.0.0.9>"], "192.0.2.2:5060"),
        (
            "<sip:p1@192.0.2.2:5070;transport=udp>, <sip:p2@192.0.2.3;lr>",
            "sip:p1@192.0.2.2:5070;transport=udp",
            &["<sip:p2@192.0.2.3;lr>", "<sip:phone@10.0.0.9>"],
            "192.0.2.2:5070",
        ),
        (
            "<sip:p1@192.0.2.2;method=INVITE?Subject=a>",
            "sip:p1@192.0.2.2",
            &["<sip:phone@10.0.0.9>"],
            "192.0.2.2:5060",
        ),
        (
            "<sip:p1@192.0.2.2;lr=on>, <sip:p2@192.0.2.3>",
            "sip:phone@10.0.0.9",
            &["<sip:p1@192.0.2.2;lr=on>", "<sip:p2@192.0.2.3>"],
            "192.0.2.2:5060",
        ),
        ("<sip:p1@192.0.2.2>;lr", "sip:p1@192.0.2.2", &["<sip:phone@10.0.0.9>"], "192.0.2.2:5060"),
    ];
    for (routes, uri, expected, hop) in rows {
        let (got_uri, got, got_hop) = path(&mut uas(&format!("{contact}Record-Route: {routes}\r\n")));
        assert_eq!((got_uri.as_str(), got_hop.as_str()), (*uri, *hop), "{routes}");
        assert_eq!(got, *expected, "{routes}");
    }
}

#[test]
fn a_target_becomes_a_request_uri_without_what_must_not_stand_in_one() {
    for contact in
        ["sip:a@192.0.2.9?Replaces=x", "sip:a@192.0.2.9;method=BYE", "sip:a@192.0.2.9;METHOD=BYE?a=b"]
    {
        let mut dialog = uas(&format!("Contact: <{contact}>\r\n"));
        assert_eq!(path(&mut dialog).0, "sip:a@192.0.2.9", "{contact}");
    }
    let mut dialog = uas("Contact: <sip:a@192.0.2.9;ob;transport=udp;maddr=192.0.2.8>;expires=5\r\n");
    assert_eq!(path(&mut dialog).0, "sip:a@192.0.2.9;ob;transport=udp;maddr=192.0.2.8");
}

#[test]
fn the_next_hop_is_an_address_that_was_named_and_can_be_reached() {
    let rows = [
        ("sip:a@192.0.2.9:5070", "192.0.2.9:5070"),
        ("sip:192.0.2.9", "192.0.2.9:5060"),
        ("sips:a@192.0.2.9", "192.0.2.9:5060"),
        ("sip:a@phone.example.org:5070", "192.0.2.1:5080"),
        ("sip:a@192.0.2.9;maddr=203.0.113.9", "192.0.2.9:5060"),
        ("sip:a@0.0.0.0", "192.0.2.1:5080"),
        ("sip:a@255.255.255.255", "192.0.2.1:5080"),
        ("sip:a@224.0.1.75", "192.0.2.1:5080"),
        ("sip:a@[2001:db8::9]", "192.0.2.1:5080"),
    ];
    for (contact, hop) in rows {
        assert_eq!(uas(&format!("Contact: <{contact}>\r\n")).next_hop().remote.to_string(), hop, "{contact}");
    }
}

#[test]
fn the_next_hop_over_ipv6() {
    let rows = [
        ("sip:a@[2001:db8::9]:5070", "[2001:db8::9]:5070"),
        ("sip:a@[2001:db8::9]", "[2001:db8::9]:5060"),
        ("sip:a@[::]", "[2001:db8::1]:5080"),
        ("sip:a@[ff02::1]", "[2001:db8::1]:5080"),
        ("sip:a@192.0.2.9", "[2001:db8::1]:5080"),
        ("sip:a@[::ffff:192.0.2.9]", "[2001:db8::1]:5080"),
        ("sip:a@[::ffff:255.255.255.255]", "[2001:db8::1]:5080"),
    ];
    let flow = flow("[2001:db8::7]:5060", "[2001:db8::1]:5080");
    for (contact, hop) in rows {
        let request = request("INVITE", 1, &format!("Contact: <{contact}>\r\n"));
        assert_eq!(
            Dialog::uas(&request, flow, "ours".into()).next_hop().remote.to_string(),
            hop,
            "{contact}"
        );
    }
    let request = request(
        "INVITE",
        1,
        "Contact: <sip:a@[2001:db8::9]>\r\nRecord-Route: <sip:[2001:db8::5]:5099;lr>\r\n",
    );
    assert_eq!(
        Dialog::uas(&request, flow, "ours".into()).next_hop().remote.to_string(),
        "[2001:db8::5]:5099"
    );
}

#[test]
fn a_mapped_address_counts_as_the_ipv4_address_it_is() {
    let dialog = uas("Contact: <sip:a@[::ffff:192.0.2.9]:5070>\r\n");
    assert_eq!(dialog.next_hop().remote.to_string(), "192.0.2.9:5070");
    let dialog = uas("Contact: <sip:a@[::ffff:224.0.1.75]>\r\n");
    assert_eq!(dialog.next_hop(), peer());
}

#[test]
fn a_phone_is_reached_by_its_flow_whatever_it_names() {
    let mut dialog = uas("Contact: <sip:a@10.0.0.9:5070>\r\n");
    dialog.follows_flow = true;
    assert_eq!(dialog.next_hop(), peer());
}

#[test]
fn the_standing_connection_is_kept_toward_its_host_alone() {
    let connection = Some(ConnectionId(4));
    let flow = Flow { transport: Transport::Tcp, connection, ..peer() };
    let hop = |contact: &str| {
        let request = request("INVITE", 1, &format!("Contact: <{contact}>\r\n"));
        Dialog::uas(&request, flow, "ours".into()).next_hop()
    };
    assert_eq!(hop("sip:a@192.0.2.1:5060").connection, connection, "an ephemeral port is no other host");
    assert_eq!(hop("sip:a@192.0.2.9").connection, None);
    assert_eq!(hop("sip:a@phone.example.org"), flow);
    let tls = Flow { transport: Transport::Tls, ..flow };
    let request = request("INVITE", 1, "Contact: <sips:a@192.0.2.9>\r\n");
    assert_eq!(Dialog::uas(&request, tls, "ours".into()).next_hop().remote.to_string(), "192.0.2.9:5061");
}

#[test]
fn a_target_refresh_changes_the_target_and_never_the_routes() {
    let mut dialog = uas("Contact: <sip:a@192.0.2.9>\r\nRecord-Route: <sip:p@192.0.2.2;lr>\r\n");
    dialog.refresh(&request(
        "UPDATE",
        11,
        "Contact: <sip:b@192.0.2.10>\r\nRecord-Route: <sip:q@192.0.2.3;lr>\r\n",
    ));
    let (uri, routes, _) = path(&mut dialog);
    assert_eq!((uri.as_str(), &*routes), ("sip:b@192.0.2.10", &["<sip:p@192.0.2.2;lr>".to_owned()][..]));
    for more in ["", "Contact: *\r\n", "Contact: <garbage\r\n", "Contact: <http://192.0.2.11/>\r\n"] {
        dialog.refresh(&request("INVITE", 12, more));
        assert_eq!(path(&mut dialog).0, "sip:b@192.0.2.10", "{more}");
    }
}

#[test]
fn a_caller_of_rfc_2543_is_reached_at_its_from() {
    for more in ["", "Contact: *\r\n", "Contact: <mailto:a@192.0.2.9>\r\n"] {
        assert_eq!(path(&mut uas(more)).0, "sip:them@192.0.2.1", "{more}");
    }
}

#[test]
fn a_2xx_without_contact_makes_no_dialog_but_can_be_acknowledged() {
    let mut dialog = uac();
    let cseq = dialog.request("via".into()).cseq;
    assert_eq!(dialog.establish(&response(";tag=theirs", "")), Err(DialogFault::NoContact));
    let ack = dialog.ack("via".into(), cseq);
    assert_eq!((&*ack.uri, &*ack.to), ("sip:callee@192.0.2.1:5080", "<sip:callee@192.0.2.1>;tag=theirs"));
}

#[test]
fn requests_count_up_on_each_side_by_itself() {
    let mut dialog = uas("");
    assert_eq!(dialog.request("via".into()).cseq, 1);
    assert_eq!(dialog.request("via".into()).cseq, 2);
    let rows =
        [(10, false), (9, false), (11, true), (11, false), (500, true), (499, false), (2_147_483_647, true)];
    for (cseq, admitted) in rows {
        let expected = if admitted { Ok(()) } else { Err(DialogFault::OutOfOrder) };
        assert_eq!(dialog.admit(&request("INFO", cseq, "")), expected, "{cseq}");
    }
    assert_eq!(dialog.request("via".into()).cseq, 3, "the peer's numbers are not ours");

    let mut dialog = established("Contact: <sip:a@192.0.2.9>\r\n");
    assert_eq!(dialog.admit(&request("BYE", 0, "")), Ok(()), "the first number of the peer may be any");
    assert_eq!(dialog.ack("via".into(), 1).cseq, 1, "an ACK takes the number of its INVITE");
    assert_eq!(dialog.request("via".into()).cseq, 2);
}

#[test]
fn a_message_belongs_to_a_dialog_by_call_id_and_remote_tag() {
    let dialog = uas("");
    assert!(dialog.matches("call", Some("theirs")));
    assert!(!dialog.matches("call", Some("Theirs")) && !dialog.matches("Call", Some("theirs")));
    assert!(!dialog.matches("call", None) && !dialog.matches("call", Some("")));
    assert!(uac().matches("call", None), "a peer of RFC 2543 has no tag");
}

#[test]
fn a_fork_is_a_dialog_of_its_own() {
    let mut first = uac();
    let head = first.request("via".into());
    first.establish(&response(";tag=one", "Contact: <sip:one@192.0.2.9>\r\n")).unwrap();
    let stray =
        response(";tag=two", "Contact: <sip:two@192.0.2.10>\r\nRecord-Route: <sip:p@192.0.2.2;lr>\r\n");
    let mut second = Dialog::fork(&head, &stray, peer(), false).unwrap();
    assert_eq!((&*first.remote_tag, &*second.remote_tag), ("one", "two"));
    assert_eq!((&*second.call_id, &*second.local_tag), ("call", "ours"));
    let ack = second.ack("via".into(), head.cseq);
    assert_eq!((ack.cseq, &*ack.uri, &*ack.to), (1, "sip:two@192.0.2.10", "<sip:callee@192.0.2.1>;tag=two"));
    assert_eq!(second.next_hop().remote.to_string(), "192.0.2.2:5060");
    let behind_nat = Dialog::fork(&head, &stray, peer(), true).unwrap();
    assert_eq!(behind_nat.next_hop(), peer(), "a softphone's follows the flow");
    let bye = second.request("via".into());
    assert_eq!((bye.cseq, &*bye.from), (2, "<sip:shown@198.51.100.7>;tag=ours"));
    let nowhere = Dialog::fork(&head, &response(";tag=two", ""), peer(), false).unwrap();
    let ack = nowhere.ack("via".into(), head.cseq);
    assert_eq!(
        (&ack.uri, &*ack.to),
        (&head.uri, "<sip:callee@192.0.2.1>;tag=two"),
        "without a Contact: as it was sent"
    );
}

#[test]
fn what_a_dialog_sends_can_be_read() {
    let contact =
        "Contact: <sip:a@192.0.2.9;method=BYE?Route=%3Csip:x%3E>\r\nRecord-Route: <sip:p@192.0.2.2?a=b>\r\n";
    let via = "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKc".to_owned();
    let bytes: Bytes = uas(contact).request(via).write(&Method::BYE).finish();
    assert!(Message::parse(bytes).is_ok());
}
