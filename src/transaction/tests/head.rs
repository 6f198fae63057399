//! ACK and CANCEL repeat their INVITE (RFC 3261 sections 9.1 and 17.1.1.3).

use crate::sip::{Message, Method, Name, Request};
use crate::transaction::RequestHead;

pub(super) fn sample() -> RequestHead {
    RequestHead {
        uri: "sip:b@192.0.2.9:5070;transport=udp".into(),
        via: "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKone;rport".into(),
        routes: vec!["<sip:p1@192.0.2.1;lr>".into(), "<sip:p2@192.0.2.2;lr>".into()],
        from: "<sip:m2@198.51.100.7>;tag=ours".into(),
        to: "<sip:b@192.0.2.9>".into(),
        call_id: "call".into(),
        cseq: 7,
        max_forwards: 19,
    }
}

fn parse(bytes: bytes::Bytes) -> Request {
    match Message::parse(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ack_and_cancel_are_of_the_same_branch_number_and_route() {
    let head = sample();
    let ack = parse(head.ack("<sip:b@192.0.2.9>;tag=theirs"));
    let cancel = parse(head.cancel());
    for (request, method) in [(&ack, Method::ACK), (&cancel, Method::CANCEL)] {
        assert_eq!(*request.method(), method);
        assert_eq!(request.uri().as_str(), &*head.uri);
        assert_eq!(request.via_count(), 1);
        assert_eq!(request.via().as_str(), &*head.via);
        assert_eq!(
            request.values(Name::Route).collect::<Vec<_>>(),
            ["<sip:p1@192.0.2.1;lr>", "<sip:p2@192.0.2.2;lr>"]
        );
        assert_eq!((request.from().as_str(), request.call_id()), (&*head.from, "call"));
        assert_eq!((request.cseq().number, &request.cseq().method), (7, &method));
        assert_eq!(request.max_forwards(), Some(19));
        assert!(request.body().is_empty());
    }
    assert_eq!(ack.to().tag(), Some("theirs"), "the ACK takes the To of the response");
    assert_eq!(cancel.to().tag(), None, "the CANCEL takes that of the request");
}
