//! What a change takes from a session rests like what is over.

#![allow(clippy::unwrap_used, reason = "a test")]

mod desk;

use std::sync::Arc;

use desk::*;
use maskline::base::PhoneNumber;
use maskline::ledger::{Book, Loaded, Session, SessionId, Store};
use maskline::route::{Decision, RefusalKind, Step, Treatment};
use maskline::session::{Change, Expires, Fault, Numbers, Wanted};

fn change(desk: &Desk, session: &Session, change: Change, seconds: u64) -> Session {
    now(desk.sessions.change(session.id, change, at(seconds))).unwrap()
}

/// What the operator is told of a former party that calls; to the caller every refusal looks the same.
#[track_caller]
fn refused(desk: &Desk, dialled: PhoneNumber, caller: &str, seconds: u64) -> Step {
    let Decision::Refuse(refusal) = desk.decide(dialled, caller, seconds) else { panic!("it goes through") };
    assert_eq!(refusal.kind, RefusalKind::CallerNotAllowed);
    assert_eq!(refusal.kind.treatment(), Treatment::Uniform);
    refusal.trace.last().unwrap().clone()
}

/// Whoever was changed away still remembers the number: nobody else is reached on it by that party until it has rested.
#[test]
fn what_a_change_gives_up_rests_before_anyone_else_gets_it() {
    type Told = fn(SessionId) -> Step;
    let changes: [(Change, Told); 2] = [
        (Change { first_party: Some(number(D)), ..Change::default() }, Step::PartyReplaced),
        (Change { first_party_number: Some(pooled(2)), ..Change::default() }, Step::NumberReplaced),
    ];
    for (to, told) in changes {
        let memory = Arc::default();
        let [desk, other] = [1, 2].map(|seed| Desk::on(&memory, seed));
        for number in (0..4).map(pooled) {
            desk.add(number, "p");
            other.book.put_number((*desk.book.number(number).unwrap()).clone());
        }
        let lasting = Wanted { cooloff: 3600, ..wanted(A, Some(B)) };
        let session = desk.create(lasting.clone(), 0).unwrap();
        let (m1, m2) = dials(&session);
        other.store.tell(&other.book);
        change(&desk, &session, to, 10);
        // While it rests: drawn for nobody, and nobody else's second party. By every node, whether it has heard of the
        // change or the database alone knows, and by one that starts anew.
        let late = Desk::on(&memory, 3);
        let mut load = |row| match row {
            Loaded::Session(session) => late.book.put(&session),
            Loaded::Number(number) => late.book.put_number(*number),
        };
        now(late.store.load(at(3609), &mut load)).unwrap();
        let next = desk.create(Wanted { expires: Some(Expires::In(9)), ..wanted(A, Some(C)) }, 11).unwrap();
        assert_ne!(next.first.dials, m1);
        assert_ne!(other.create(wanted(A, Some("+919876500004")), 11).unwrap().first.dials, m1);
        let named = Numbers::PerParty(m1, pooled(3));
        let fault = late.create(Wanted { numbers: named, ..wanted(A, Some(C)) }, 3609).unwrap_err();
        assert!(matches!(fault, Fault::ChannelTaken { party: Some(_), .. }), "{fault:?}");
        let waits = Numbers::PerParty(pooled(3), m1);
        let waits = Wanted { numbers: waits, bind_first_caller: true, ..wanted(C, None) };
        desk.create(waits, 3609).unwrap();
        late.store.tell(&late.book);
        other.store.tell(&other.book);
        for node in [&desk, &other, &late] {
            assert_eq!(refused(node, m1, A, 3609), told(session.id));
            assert_eq!(node.reached(m1, A, 3610).0, C, "it has rested");
            assert_eq!(
                node.reached(m2, B, 3609).0,
                node.book.session(session.id).unwrap().first.number.unwrap().reveal()
            );
        }
        // Rested and long past, it is forgotten; a session that goes on is not.
        let past = 3610 + Book::KEPT.as_secs();
        assert!(desk.book.pair(m1, number(A)).is_some());
        desk.book.sweep(at(past));
        assert!(desk.book.pair(m1, number(A)).is_none() && desk.book.session(session.id).is_some());
    }
}

#[test]
fn a_session_takes_back_what_rests_after_its_own_change() {
    let desk = Desk::new(2);
    let session = desk.create(Wanted { cooloff: 60, ..wanted(A, Some(B)) }, 0).unwrap();
    let m2 = session.second.dials;
    let to = |party| Change { second_party: Some(number(party)), ..Change::default() };
    change(&desk, &session, to(C), 1);
    assert_eq!(refused(&desk, m2, B, 2), Step::PartyReplaced(session.id));
    let session = change(&desk, &session, to(B), 3);
    assert_eq!(desk.reached(m2, B, 4).0, A);
    assert_eq!(refused(&desk, m2, C, 4), Step::PartyReplaced(session.id));
    assert_eq!(session.former.len(), 1, "its own again rests no more");
    // What rested longer than the session itself keeps doing so.
    let short = Change { cooloff: Some(0), ..Change::default() };
    let session = change(&desk, &session, short, 5);
    let closed = now(desk.sessions.close(session.id, at(6))).unwrap();
    assert_eq!(refused(&desk, m2, C, 7), Step::PartyReplaced(session.id), "not that the session was closed");
    let Decision::Refuse(refusal) = desk.decide(m2, B, 7) else { panic!("it was closed") };
    assert_eq!(refusal.trace.last(), Some(&Step::SessionClosed(session.id)), "who was in it to the end");
    assert_eq!((closed.free_at(), closed.rests_until()), (at(6), at(63)));
    assert!(
        desk.book.is_free((m2, Some(number(B))), at(6)) && !desk.book.is_free((m2, Some(number(C))), at(62))
    );
}
