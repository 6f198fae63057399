//! A party that comes in place of another, in a session whose numbers were drawn: what it dials stays where it can, and
//! is drawn anew where it is taken.

#![allow(clippy::unwrap_used, reason = "a test")]

mod desk;

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;

use desk::*;
use maskline::ledger::{EventKind, Number, NumberState, Session};
use maskline::route::Decision;
use maskline::session::{Change, Fault, NumberChange, Numbers, Wanted};

/// A party of another session.
const E: &str = "+919876500005";

fn to_second(party: &str) -> Change {
    Change { second_party: Some(number(party)), ..Change::default() }
}

fn change(desk: &Desk, session: &Session, change: Change, seconds: u64) -> Result<Session, Fault> {
    now(desk.sessions.change(session.id, change, at(seconds)))
}

/// A session of A and B, and another in which C dials what B does.
fn in_the_way(desk: &Desk, lasting: Wanted) -> (Session, Session) {
    let session = desk.create(lasting, 0).unwrap();
    let numbers = match dials(&session) {
        (one, other) if one == other => Numbers::Shared(one),
        (one, other) => Numbers::PerParty(one, other),
    };
    let other = desk.create(Wanted { numbers, ..wanted(E, Some(C)) }, 0).unwrap();
    (session, other)
}

#[test]
fn a_party_whose_number_is_taken_gets_another() {
    let desk = Desk::new(4);
    let (session, other) = in_the_way(&desk, Wanted { cooloff: 60, ..wanted(A, Some(B)) });
    let (m1, m2) = dials(&session);
    let changed = change(&desk, &session, to_second(C), 10).unwrap();
    assert_eq!(dials(&changed), (m1, pooled(2)), "the other party keeps its own");
    assert_eq!((changed.version, changed.pool.as_deref()), (2, Some("p")));
    assert_eq!(desk.reached(m1, A, 11), (C.into(), pooled(2)));
    assert_eq!(desk.reached(pooled(2), C, 11), (A.into(), m1));
    assert_eq!(desk.reached(m2, C, 11).0, E, "the session that had it has it still");
    // What B dialled rests, as after every change.
    assert_eq!(changed.former.len(), 1);
    assert_eq!((changed.former[0].channel(), changed.former[0].free_at), ((m2, Some(number(B))), at(70)));
    assert!(
        !desk.book.is_free((m2, Some(number(B))), at(69)) && desk.book.is_free((m2, Some(number(B))), at(70))
    );
    let told = desk.events.lock().unwrap().pop().unwrap();
    let data = told.data.tree();
    assert_eq!(
        (told.kind, &data["second_party_number"]),
        (EventKind::SessionChanged, &pooled(2).reveal().into())
    );
    // Back to B: its own number rests for this very session, and is free for it.
    let back = change(&desk, &changed, to_second(B), 12).unwrap();
    assert_eq!(back.second.dials, pooled(2), "the number stays where it can");
    now(desk.sessions.close(other.id, at(13))).unwrap();
    let again = change(&desk, &back, to_second(C), 14).unwrap();
    assert_eq!(again.second.dials, pooled(2), "what rests after its own change is its own");
}

#[test]
fn a_party_whose_number_is_free_keeps_it_drained_or_not() {
    let desk = Desk::new(4);
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    let stood = desk.book.number(session.second.dials).unwrap();
    desk.book.put_number(Number { state: NumberState::Draining, ..Number::clone(&stood) });
    let changed = change(&desk, &session, to_second(C), 1).unwrap();
    assert_eq!(dials(&changed), dials(&session), "those who have it keep it");
    // A session that goes on again is like a new one.
    now(desk.sessions.close(session.id, at(2))).unwrap();
    let reopened = Change { reopen: true, ..to_second(B) };
    assert_eq!(dials(&change(&desk, &session, reopened, 3).unwrap()), (session.first.dials, pooled(2)));
}

#[test]
fn both_parties_may_be_changed_and_swapped() {
    let desk = Desk::new(4);
    let (session, _) = in_the_way(&desk, wanted(A, Some(B)));
    let (m1, m2) = dials(&session);
    let both = |first, second| Change { first_party: Some(number(first)), ..to_second(second) };
    let swapped = change(&desk, &session, both(B, A), 1).unwrap();
    assert_eq!(dials(&swapped), (m1, m2));
    let changed = change(&desk, &session, both(E, C), 2).unwrap();
    assert_eq!(dials(&changed), (m2, m1), "each was taken for its new party, and is free for the other one");
    assert_eq!(desk.reached(m2, E, 3), (C.into(), m1));
}

/// Who keeps its number was told it: so one number for both may become two.
#[test]
fn the_other_party_of_one_number_for_both_keeps_it() {
    let desk = Desk::new(3);
    let (session, _) = in_the_way(&desk, shared(A, Some(B)));
    let m = session.first.dials;
    let kept = change(&desk, &session, to_second(D), 1).unwrap();
    assert_eq!(dials(&kept), (m, m));
    let parted = change(&desk, &session, to_second(C), 2).unwrap();
    assert_eq!(dials(&parted), (m, pooled(1)));
    assert_eq!((desk.reached(m, A, 3).0, desk.reached(pooled(1), C, 3).0), (C.into(), A.into()));
}

#[test]
fn a_half_known_session_whose_second_party_has_the_number_already() {
    let desk = Desk::new(3);
    let other = desk.create(wanted(E, Some(B)), 0).unwrap();
    let session = desk.create(wanted(A, None), 0).unwrap();
    assert_eq!(dials(&session), dials(&other), "nobody is known to dial it");
    let known = change(&desk, &session, to_second(B), 1).unwrap();
    assert_eq!(dials(&known), (session.first.dials, pooled(2)));
    assert_eq!(desk.reached(pooled(2), B, 2).0, A);
    assert!(desk.book.half_known(session.second.dials).is_none_or(|live| live.is_closed));
}

#[test]
fn only_where_the_pool_has_none_it_is_a_conflict_and_nothing_changes() {
    let desk = Desk::new(2);
    let (session, _) = in_the_way(&desk, wanted(A, Some(B)));
    let fault = change(&desk, &session, to_second(C), 1).unwrap_err();
    assert!(matches!(fault, Fault::PoolExhausted { has: 2, needs: 3, .. }), "{fault:?}");
    assert_eq!(desk.reached(session.second.dials, B, 2).0, A, "it stands as it was");
    desk.add(pooled(7), "p");
    assert_eq!(change(&desk, &session, to_second(C), 3).unwrap().second.dials, pooled(7));
    // Draining numbers and those of other pools are not drawn.
    let desk = Desk::new(2);
    let (session, _) = in_the_way(&desk, wanted(A, Some(B)));
    desk.add(pooled(8), "q");
    desk.add(pooled(9), "p");
    let drain = NumberChange { state: Some(NumberState::Draining), ..NumberChange::default() };
    now(desk.sessions.change_number(pooled(9), drain, at(1))).unwrap();
    assert!(matches!(change(&desk, &session, to_second(C), 2), Err(Fault::PoolExhausted { .. })));
}

#[test]
fn numbers_that_were_named_are_never_drawn() {
    let desk = Desk::new(4);
    let named = Wanted { numbers: Numbers::PerParty(pooled(0), pooled(1)), ..wanted(A, Some(B)) };
    let (session, _) = in_the_way(&desk, named);
    let taken = |fault| match fault {
        Fault::ChannelTaken { field, number, .. } => (field, number),
        fault => panic!("{fault:?}"),
    };
    let fault = change(&desk, &session, to_second(C), 1).unwrap_err();
    assert_eq!(taken(fault), ("second_party_number", pooled(1)));
    let fault = change(&desk, &session, Change { first_party: Some(number(E)), ..Change::default() }, 1);
    assert_eq!(taken(fault.unwrap_err()), ("first_party_number", pooled(0)));
    // Nor is one that this very change names.
    let drawn = desk.create(wanted(D, Some("+919876500006")), 0).unwrap();
    let stays = Change { second_party_number: Some(drawn.second.dials), ..to_second(C) };
    let fault = change(&desk, &drawn, stays, 1).unwrap_err();
    assert_eq!(taken(fault), ("second_party_number", pooled(1)));
}

#[test]
fn a_mapping_for_the_new_party_is_in_the_way_like_a_session() {
    let desk = Desk::new(2);
    desk.add(number(MAPPED), "p");
    let session = desk.create(wanted(C, Some(B)), 0).unwrap();
    assert_eq!(dials(&session), (number(MAPPED), pooled(0)));
    let to = Change { first_party: Some(number(A)), ..Change::default() };
    assert_eq!(dials(&change(&desk, &session, to, 1).unwrap()), (pooled(1), pooled(0)));
}

/// What so many sessions are that are given the same party at the same time.
fn at_once(nodes: &[&Desk], sessions: &[Session]) -> Vec<Session> {
    let start = Barrier::new(sessions.len());
    thread::scope(|scope| {
        let change = |(place, session): (usize, &Session)| {
            let (desk, start, id) = (nodes[place % nodes.len()], &start, session.id);
            scope.spawn(move || {
                start.wait();
                wait(desk.sessions.change(id, to_second(B), at(1))).unwrap()
            })
        };
        let threads: Vec<_> = sessions.iter().enumerate().map(change).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Sessions of parties who have no other, and the same numbers all of them.
fn some(desk: &Desk, count: u64) -> Vec<Session> {
    let party = |place: u64| format!("+9198111{place:05}");
    let create = |place| desk.create(wanted(&party(place), Some(&party(50 + place))), 0).unwrap();
    let sessions: Vec<Session> = (0..count).map(create).collect();
    assert!(sessions.iter().all(|session| dials(session) == (pooled(0), pooled(1))));
    sessions
}

#[track_caller]
fn assert_drawn(nodes: &[&Desk], changed: &[Session]) {
    let numbers: HashSet<_> = changed.iter().map(|session| session.second.dials).collect();
    assert_eq!(numbers.len(), changed.len());
    assert!(changed.iter().all(|session| session.first.dials == pooled(0) && session.version == 2));
    for (node, session) in nodes.iter().flat_map(|node| changed.iter().map(move |session| (node, session))) {
        let first = session.first.number.unwrap().reveal();
        assert_eq!(node.reached(session.second.dials, B, 2), (first, pooled(0)));
    }
}

#[test]
fn changes_at_the_same_time_share_no_channel() {
    for _ in 0..150 {
        let desk = Desk::new(9);
        let changed = at_once(&[&desk], &some(&desk, 8));
        assert_drawn(&[&desk], &changed);
    }
}

/// Neither node hears of the other's changes but by running into them.
#[test]
fn changes_by_two_nodes_share_no_channel() {
    let memory = Arc::default();
    let nodes = [Desk::on(&memory, 1), Desk::on(&memory, 2)];
    for place in 0..30 {
        nodes[0].add(pooled(place), "p");
        nodes[1].book.put_number(Number::clone(&nodes[0].book.number(pooled(place)).unwrap()));
    }
    let sessions = some(&nodes[0], 20);
    nodes[1].store.tell(&nodes[1].book);
    let changed = at_once(&[&nodes[0], &nodes[1]], &sessions);
    nodes.iter().for_each(|node| node.store.tell(&node.book));
    assert_drawn(&[&nodes[0], &nodes[1]], &changed);
    let stored = memory.sessions();
    assert!(changed.iter().all(|session| stored.contains(session)));
}

/// Two changes of one session: one comes first, and the other is made to what that has left.
#[test]
fn two_changes_of_one_session_at_the_same_time() {
    let desk = Desk::new(4);
    let (session, _) = in_the_way(&desk, wanted(A, Some(B)));
    let start = Barrier::new(2);
    let changes = [to_second(C), Change { first_party: Some(number(E)), ..Change::default() }];
    thread::scope(|scope| {
        for change in changes {
            let (desk, start, id) = (&desk, &start, session.id);
            scope.spawn(move || {
                start.wait();
                wait(desk.sessions.change(id, change, at(1))).unwrap()
            });
        }
    });
    let live = desk.book.session(session.id).unwrap();
    assert_eq!((live.first.number, live.second.number, live.version), (Some(number(E)), Some(number(C)), 3));
    assert_eq!(desk.reached(live.first.dials, E, 2), (C.into(), live.second.dials));
    assert_eq!(desk.reached(live.second.dials, C, 2), (E.into(), live.first.dials));
    for (dialled, caller) in [(session.first.dials, A), (session.second.dials, B)] {
        assert!(matches!(desk.decide(dialled, caller, 2), Decision::Refuse(_)), "who was replaced is out");
    }
}
