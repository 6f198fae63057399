//! Messages that wait for the journal.

use std::net::UdpSocket;

use bytes::Bytes;

use super::{Bench, PATIENCE, bench, client};
use crate::base::{Flow, Transport};
use crate::ledger::{CallRecord, TurnedAwayInvite};
use crate::net::StreamLimits;
use crate::switch::Output;

/// A record, and a message after it.
fn note_and_send(bench: &Bench, flow: Flow) {
    let record = CallRecord::turned_away(TurnedAwayInvite {
        id: "1".into(),
        at: 0,
        source: "carrier".into(),
        dialled: None,
        caller: None,
        status: 404,
        cause: 1,
        trace: [].into(),
    });
    bench.says[0].send(Output::Record(Box::new(record))).unwrap();
    bench.say(Output::Send { flow, bytes: Bytes::from_static(b"noted") });
    bench.asked.recv_timeout(PATIENCE).unwrap();
}

fn flow_to(bench: &Bench, phone: &UdpSocket) -> Flow {
    let remote = phone.local_addr().unwrap();
    Flow { transport: Transport::Udp, local: bench.udp, remote, connection: None }
}

fn received(phone: &UdpSocket) -> String {
    let mut got = [0; 200];
    let (length, _) = phone.recv_from(&mut got).unwrap();
    String::from_utf8_lossy(&got[..length]).into_owned()
}

#[test]
fn messages_wait_until_the_journal_has_what_was_noted_before_them() {
    let bench = bench(1, StreamLimits::default());
    let phone = client();
    let flow = flow_to(&bench, &phone);
    note_and_send(&bench, flow);
    for bytes in ["next", "last"] {
        // When this is heard, the turn before is over.
        bench.say(Output::Answer { flow, bytes: bytes.into() });
    }
    phone.set_nonblocking(true).unwrap();
    let early = phone.recv_from(&mut [0; 200]);
    phone.set_nonblocking(false).unwrap();
    assert!(
        early.is_err() || bench.overtaken.recv_timeout(PATIENCE).is_ok(),
        "unless the test itself was slow"
    );
    bench.handles[0].post().kept(true);
    let wanted = ["noted", "next", "last"];
    for wanted in &wanted[usize::from(early.is_ok())..] {
        assert_eq!(received(&phone), *wanted);
    }
}

#[test]
fn messages_leave_though_the_journal_does_not_answer_and_are_counted() {
    let mut bench = bench(1, StreamLimits::default());
    let phone = client();
    let flow = flow_to(&bench, &phone);
    note_and_send(&bench, flow);
    assert_eq!((received(&phone).as_str(), bench.overtaken.recv_timeout(PATIENCE)), ("noted", Ok(1)));
    bench.say(Output::Send { flow, bytes: "at once".into() });
    assert_eq!((received(&phone).as_str(), bench.overtaken.recv_timeout(PATIENCE)), ("at once", Ok(1)));
    bench.handles[0].post().kept(true);
    note_and_send(&bench, flow);
    bench.handles[0].post().kept(false);
    assert_eq!((received(&phone).as_str(), bench.overtaken.recv_timeout(PATIENCE)), ("noted", Ok(1)));

    note_and_send(&bench, flow);
    assert!(bench.handles.remove(0).stop(), "nothing waits for ever");
    assert_eq!(received(&phone), "noted");
}
