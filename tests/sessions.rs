//! The life of a session, and the calls that go by it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod desk;

use std::sync::Arc;
use std::time::Duration;

use desk::*;
use maskline::base::Timestamp;
use maskline::ledger::{Book, Event, EventKind, Number, NumberState, Session, SessionStatus};
use maskline::route::{self, Decision, Plan, RefusalKind, Step, Target, Treatment};
use maskline::session::{Change, Expires, Fault, NewNumber, Numbers, Removed, Wanted};

#[track_caller]
fn bridged(decision: Decision) -> Plan {
    match decision {
        Decision::Bridge(plan) => plan,
        other => panic!("{other:?}"),
    }
}

/// Why a call is refused, and the last step that led there. Every such refusal looks the same to the caller.
#[track_caller]
fn refused(decision: Decision) -> (RefusalKind, Step) {
    let Decision::Refuse(refusal) = decision else { panic!("{decision:?}") };
    assert_eq!(refusal.kind.treatment(), Treatment::Uniform);
    (refusal.kind, refusal.trace.last().expect("every refusal is traced").clone())
}

fn change(desk: &Desk, session: &Session, change: Change, seconds: u64) -> Result<Session, Fault> {
    now(desk.sessions.change(session.id, change, at(seconds)))
}

fn close(desk: &Desk, session: &Session, seconds: u64) -> Session {
    now(desk.sessions.close(session.id, at(seconds))).unwrap()
}

#[test]
fn each_party_dials_one_number_and_is_seen_as_the_other() {
    let desk = Desk::new(3);
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    let (m1, m2) = dials(&session);
    assert_ne!(m1, m2);
    assert_eq!(desk.reached(m1, A, 1), (B.into(), m2));
    assert_eq!(desk.reached(m2, B, 1), (A.into(), m1));
    for (dialled, caller) in [(m1, B), (m2, A), (m1, C), (m2, C)] {
        let (kind, step) = refused(desk.decide(dialled, caller, 1));
        assert_eq!((kind, step), (RefusalKind::CallerNotAllowed, Step::NoSessionForCaller));
    }
    let anonymous = route::decide(&desk.index, &desk.book, at(1), &question(m1, None));
    assert_eq!(refused(anonymous).0, RefusalKind::CallerNotAllowed);
    let (kind, step) = refused(desk.decide(pooled(2), A, 1));
    assert_eq!((kind, step), (RefusalKind::NoMapping, Step::NoMapping), "no session has that number");
}

#[test]
fn one_number_for_both_where_asked_for() {
    let desk = Desk::new(2);
    let session = desk.create(shared(A, Some(B)), 0).unwrap();
    let (m, same) = dials(&session);
    assert_eq!(m, same);
    assert_eq!(desk.reached(m, A, 1), (B.into(), m));
    assert_eq!(desk.reached(m, B, 1), (A.into(), m));
}

#[test]
fn a_session_begins_expires_is_closed_and_goes_on_again() {
    let desk = Desk::new(2);
    let asked = Wanted { starts_at: Some(at(10)), expires: Some(Expires::In(20)), ..wanted(A, Some(B)) };
    let session = desk.create(asked, 0).unwrap();
    let (m1, id) = (session.first.dials, session.id);
    assert_eq!((session.starts_at, session.expires_at), (at(10), at(30)), "it lasts from its start");
    let early = refused(desk.decide(m1, A, 9));
    assert_eq!(early, (RefusalKind::SessionNotStarted, Step::SessionNotStarted(id)));
    let plan = bridged(desk.decide(m1, A, 10));
    assert_eq!((plan.session, plan.extends, plan.binds), (Some(id), None, false));
    let steps: Vec<String> = plan.trace.iter().map(ToString::to_string).collect();
    assert!(steps.contains(&format!("session {id} goes to +9198******02")), "{steps:?}");
    bridged(desk.decide(m1, A, 29));
    let late = refused(desk.decide(m1, A, 30));
    assert_eq!(late, (RefusalKind::SessionExpired, Step::SessionExpired(id)));
    assert!(matches!(
        change(&desk, &session, Change::default(), 31),
        Err(Fault::Over(SessionStatus::Expired))
    ));

    let reopen = Change { reopen: true, ..Change::default() };
    let fault = change(&desk, &session, reopen.clone(), 31).unwrap_err();
    assert!(matches!(fault, Fault::Invalid { field: "session_expiry", .. }), "{fault:?}");
    let expires = Some(Expires::At(at(100)));
    let session = change(&desk, &session, Change { expires, ..reopen.clone() }, 31).unwrap();
    assert_eq!((session.expires_at, session.version), (at(100), 2));
    bridged(desk.decide(m1, A, 31));

    assert_eq!(close(&desk, &session, 40).closed_at, Some(at(40)));
    let closed = refused(desk.decide(m1, A, 41));
    assert_eq!(closed, (RefusalKind::SessionClosed, Step::SessionClosed(id)));
    assert_eq!(close(&desk, &session, 50).closed_at, Some(at(40)), "once is enough");
    change(&desk, &session, reopen, 51).unwrap();
    bridged(desk.decide(m1, A, 51));

    let kinds: Vec<EventKind> = desk.events.lock().unwrap().iter().map(|event| event.kind).collect();
    use EventKind::{SessionChanged, SessionClosed, SessionCreated};
    assert_eq!(kinds, [SessionCreated, SessionChanged, SessionClosed, SessionChanged]);
    let told = desk.events.lock().unwrap().remove(2);
    let data = told.data.tree();
    assert_eq!((told.session, &data["status"]), (Some(id), &"closed".into()));
    assert_eq!((&data["first_party"], &data["second_party"]), (&A.into(), &B.into()));
}

/// What was a session's at its end may have become something else since.
#[test]
fn a_session_goes_on_only_with_what_it_could_begin_with() {
    let desk = Desk::new(2);
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    let m2 = session.second.dials;
    close(&desk, &session, 1);
    let reopen = || Change { reopen: true, ..Change::default() };
    let unfit = |change_to| match change(&desk, &session, change_to, 3).unwrap_err() {
        Fault::Unfit { field, .. } => field,
        fault => panic!("{fault:?}"),
    };
    let stood = desk.book.number(m2).unwrap();
    assert_eq!(now(desk.sessions.remove_number(m2, at(2))).unwrap(), Removed::Gone);
    assert_eq!(unfit(reopen()), "second_party_number");
    for state in [NumberState::Draining, NumberState::Retired] {
        desk.book.put_number(Number { state, ..Number::clone(&stood) });
        assert_eq!(unfit(reopen()), "second_party_number");
    }
    desk.book.put_number(Number::clone(&stood));
    desk.add(number(B), "q");
    assert_eq!(unfit(reopen()), "second_party");
    change(&desk, &session, Change { second_party: Some(number(C)), ..reopen() }, 4).unwrap();
    assert_eq!(desk.reached(m2, C, 5).0, A);
}

#[test]
fn a_session_that_is_long_over_is_forgotten() {
    let desk = Desk::new(2);
    let session =
        desk.create(Wanted { expires: Some(Expires::In(10)), cooloff: 5, ..wanted(A, Some(B)) }, 0).unwrap();
    let m1 = session.first.dials;
    let kept = Book::KEPT.as_secs();
    assert_eq!(desk.book.sweep(at(14 + kept)), 0);
    assert_eq!(refused(desk.decide(m1, A, 14 + kept)).0, RefusalKind::SessionExpired);
    assert_eq!((desk.book.sweep(at(15 + kept)), desk.book.sessions()), (1, 0));
    assert_eq!(refused(desk.decide(m1, A, 15 + kept)).0, RefusalKind::NoMapping);
}

#[test]
fn calls_move_a_sliding_expiry_and_a_change_does_not_take_it_back() {
    let desk = Desk::new(2);
    let asked = Wanted { sliding_expiry: Some(60), cooloff: 7, ..wanted(A, Some(B)) };
    let session = desk.create(asked, 0).unwrap();
    assert_eq!(session.expires_at, at(60), "without any expiry it begins with that");
    let call = |seconds| {
        let asked = question(session.first.dials, Some(number(A)));
        route::admit(&desk.index, &desk.book, at(seconds), &asked)
    };
    assert_eq!(bridged(call(0)).extends, None, "no later than it is");
    assert_eq!(bridged(call(50)).extends, Some(at(110)));
    assert_eq!(bridged(call(100)).extends, Some(at(160)));
    assert_eq!(desk.book.session(session.id).unwrap().free_at, at(167));
    let changed =
        change(&desk, &session, Change { call_time_limit: Some(Some(9)), ..Change::default() }, 120);
    assert_eq!(changed.unwrap().expires_at, at(160));
    assert_eq!(refused(call(160)).0, RefusalKind::SessionExpired);
    assert_eq!(refused(call(161)).0, RefusalKind::SessionExpired, "a refused call moves nothing");
}

#[test]
fn a_session_limits_its_calls_within_the_settings() {
    let desk = Desk::new(2);
    let asked = Wanted { call_time_limit: Some(90), ring_timeout: Some(20), ..wanted(A, Some(B)) };
    let session = desk.create(asked, 0).unwrap();
    let plan = bridged(desk.decide(session.first.dials, A, 1));
    assert_eq!((plan.max_duration, plan.ring_timeout), (Duration::from_secs(90), Duration::from_secs(20)));
    let longer = Change { call_time_limit: Some(Some(7200)), ring_timeout: Some(None), ..Change::default() };
    change(&desk, &session, longer, 2).unwrap();
    let plan = bridged(desk.decide(session.first.dials, A, 3));
    let settings = &desk.index.settings().call;
    assert_eq!((plan.max_duration, plan.ring_timeout), (settings.max_duration, settings.ring_timeout));
}

#[test]
fn a_party_or_a_number_is_changed_in_mid_life() {
    let desk = Desk::new(3);
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    let (m1, m2) = dials(&session);
    let to = Change { second_party: Some(number(C)), ..Change::default() };
    let session = change(&desk, &session, to.clone(), 1).unwrap();
    assert_eq!(desk.reached(m1, A, 2), (C.into(), m2));
    assert_eq!(desk.reached(m2, C, 2), (A.into(), m1));
    assert_eq!(refused(desk.decide(m2, B, 2)).0, RefusalKind::CallerNotAllowed, "who was changed is out");
    assert_eq!(change(&desk, &session, to, 3).unwrap().version, 2, "what is so already changes nothing");
    let to = Change { first_party_number: Some(pooled(2)), ..Change::default() };
    change(&desk, &session, to, 4).unwrap();
    assert_eq!(desk.reached(pooled(2), A, 5), (C.into(), m2));
    assert_eq!(desk.reached(m2, C, 5), (A.into(), pooled(2)));
    assert_eq!(refused(desk.decide(m1, A, 5)).0, RefusalKind::NoMapping);
    let other = desk.create(wanted(A, Some(B)), 6).unwrap();
    let to = Change { first_party_number: Some(pooled(2)), ..Change::default() };
    let fault = change(&desk, &other, to, 7).unwrap_err();
    assert_eq!(fault.to_string(), "+9180******02 is taken for +9198******01");
    assert_eq!(desk.reached(other.first.dials, A, 8).0, B, "it stands as it was");
}

#[test]
fn a_half_known_session_waits_for_the_operators_word() {
    let desk = Desk::new(2);
    let session = desk.create(wanted(A, None), 0).unwrap();
    let (m1, m2) = dials(&session);
    let waits = (RefusalKind::PartyUnknown, Step::PartyUnknown(session.id));
    assert_eq!(refused(desk.decide(m1, A, 1)), waits);
    for caller in [A, B, C] {
        let stranger = (RefusalKind::CallerNotAllowed, Step::SessionWaits(session.id));
        assert_eq!(refused(desk.decide(m2, caller, 1)), stranger);
    }
    change(&desk, &session, Change { second_party: Some(number(B)), ..Change::default() }, 2).unwrap();
    assert_eq!(desk.reached(m1, A, 3), (B.into(), m2));
    assert_eq!(desk.reached(m2, B, 3), (A.into(), m1));
    assert_eq!(refused(desk.decide(m2, C, 3)).1, Step::NoSessionForCaller);
}

#[test]
fn the_first_caller_is_bound_where_that_is_asked_for() {
    let desk = Desk::new(2);
    let session = desk.create(Wanted { bind_first_caller: true, ..wanted(A, None) }, 0).unwrap();
    let (m1, m2) = dials(&session);
    let call = |caller: &str, seconds| {
        route::admit(&desk.index, &desk.book, at(seconds), &question(m2, Some(number(caller))))
    };
    for nobody in [A, "+19002345678", "+44116123"] {
        assert_eq!(refused(call(nobody, 1)).1, Step::SessionWaits(session.id), "{nobody}");
    }
    assert_eq!(bridged(desk.decide(m2, C, 1)).destination, number(A));
    assert_eq!(desk.book.session(session.id).unwrap().second.number, None, "deciding alone binds nobody");
    let plan = bridged(call(B, 1));
    assert_eq!((plan.binds, plan.destination, plan.show), (true, number(A), m1));
    assert!(!bridged(call(B, 2)).binds, "once");
    assert_eq!(refused(call(C, 2)).1, Step::NoSessionForCaller);
    assert_eq!(desk.reached(m1, A, 2), (B.into(), m2));
    let changed = change(&desk, &session, Change { cooloff: Some(1), ..Change::default() }, 3).unwrap();
    assert_eq!(changed.second.number, Some(number(B)), "a change keeps what the store has yet to hear");
}

#[test]
fn while_numbers_rest_a_former_party_is_bound_to_nobody_else() {
    let desk = Desk::new(2);
    let before = desk.create(Wanted { cooloff: 100, ..wanted(A, Some(B)) }, 0).unwrap();
    let m2 = before.second.dials;
    close(&desk, &before, 10);
    let names = Numbers::PerParty(before.first.dials, m2);
    let asked = Wanted { numbers: names, bind_first_caller: true, ..wanted(C, None) };
    let next = desk.create(asked, 20).unwrap();
    assert_eq!(refused(desk.decide(m2, B, 109)).1, Step::SessionClosed(before.id));
    assert_eq!(desk.reached(m2, B, 110).0, C);
    assert_eq!(desk.book.half_known(m2).unwrap().id, next.id);
}

#[test]
fn sessions_come_before_mappings_only_where_they_are_exact() {
    let desk = Desk::new(0);
    let open = number(OPEN);
    let pair =
        Wanted { numbers: Numbers::Shared(open), expires: Some(Expires::In(10)), ..wanted(A, Some(B)) };
    let session = desk.create(pair, 0).unwrap();
    assert_eq!(desk.reached(open, A, 1).0, B);
    assert_eq!(desk.reached(open, C, 1).0, D, "everyone else goes where the number leads anyway");
    let over = bridged(desk.decide(open, A, 10));
    assert_eq!(over.destination, number(D));
    assert!(over.trace.contains(&Step::SessionExpired(session.id)), "{:?}", over.trace);
    let half =
        Wanted { numbers: Numbers::Shared(number(MAPPED)), bind_first_caller: true, ..wanted(B, None) };
    desk.create(half, 0).unwrap();
    assert_eq!(desk.reached(number(MAPPED), A, 1).0, D, "the mapping for this caller");
    assert_eq!(desk.reached(number(MAPPED), C, 1).0, B);
}

#[test]
fn what_is_ours_no_longer_is_neither_dialled_nor_shown_and_what_became_ours_not_called() {
    let desk = Desk::new(2);
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    let (m1, m2) = dials(&session);
    let put = |number, state| {
        let stood = desk.book.number(m1).unwrap();
        desk.book.put_number(Number { number, state, ..Number::clone(&stood) });
    };
    put(m2, NumberState::Draining);
    assert_eq!(desk.reached(m1, A, 1), (B.into(), m2), "draining numbers serve who has them");
    put(m2, NumberState::Retired);
    let Decision::Refuse(refusal) = desk.decide(m1, A, 1) else { panic!("a number that is not ours") };
    assert_eq!((refusal.kind, refusal.trace.last()), (RefusalKind::ShowNotAllowed, Some(&Step::ShowNotOurs)));
    assert_eq!(refused(desk.decide(m2, B, 1)).0, RefusalKind::NotOurs);
    put(m2, NumberState::Active);
    put(number(B), NumberState::Active);
    let Decision::Refuse(refusal) = desk.decide(m1, A, 1) else { panic!("a loop") };
    assert_eq!(refusal.kind, RefusalKind::DestinationOwn);
    put(number(B), NumberState::Retired);
    assert_eq!(desk.reached(m1, A, 1), (B.into(), m2), "it is nobody's any more");
    put(number(SPARE), NumberState::Retired);
    assert_eq!(
        refused(desk.decide(number(SPARE), A, 1)).0,
        RefusalKind::NotOurs,
        "whatever the settings say"
    );
}

#[test]
fn a_trunk_shows_what_is_rented_on_it() {
    let desk = Desk::new(0);
    let everywhere = number(SPARE);
    let asked = Wanted { numbers: Numbers::Shared(everywhere), ..wanted(A, Some(B)) };
    desk.create(asked, 0).unwrap();
    let target = |dialled| bridged(desk.decide(dialled, A, 1)).target;
    assert_eq!(target(everywhere), Target::Trunks(vec![0, 1]), "nothing is rented anywhere");
    let rented = NewNumber { trunk: Some("other".into()), ..NewNumber::named(pooled(0)) };
    now(desk.sessions.add_number(rented, at(0))).unwrap();
    assert_eq!(target(everywhere), Target::Trunks(vec![0]));
    desk.create(Wanted { numbers: Numbers::Shared(pooled(0)), ..wanted(A, Some(B)) }, 0).unwrap();
    assert_eq!(target(pooled(0)), Target::Trunks(vec![0, 1]), "nothing is rented on the first");
}

#[test]
fn a_session_that_lasts_until_it_is_closed() {
    let desk = Desk::new(2);
    let session = desk.create(Wanted { cooloff: 60, ..wanted(A, Some(B)) }, 0).unwrap();
    assert_eq!((session.expires_at, session.free_at()), (Timestamp::MAX, Timestamp::MAX));
    bridged(desk.decide(session.first.dials, A, 9_000_000_000));
    assert_eq!(close(&desk, &session, 9_000_000_000).free_at(), at(9_000_000_060));
}

/// What the database has and a node never heard of, as after an answer that was lost on its way, is heard of when the
/// request comes again.
#[test]
fn a_request_that_comes_again_brings_the_book_up_to_date() {
    let memory = Arc::default();
    let (desk, other) = (Desk::on(&memory, 1), Desk::on(&memory, 2));
    for number in (0..4).map(pooled) {
        desk.add(number, "p");
        other.book.put_number((*desk.book.number(number).unwrap()).clone());
    }
    let wanted = || Wanted { reference: Some("ride-7".into()), ..wanted(A, Some(B)) };
    let session = desk.create(wanted(), 0).unwrap();
    let (m1, _) = dials(&session);
    assert_eq!(refused(other.decide(m1, A, 1)).0, RefusalKind::NoMapping);
    let again = now(other.sessions.create(wanted(), None, at(2))).unwrap();
    assert_eq!((again.session.id, again.is_new), (session.id, false));
    assert_eq!(other.reached(m1, A, 3).0, B);

    assert_eq!(close(&desk, &session, 4).closed_at, Some(at(4)));
    assert_eq!(other.reached(m1, A, 5).0, B, "it has not heard of the end");
    assert_eq!(close(&other, &session, 6).closed_at, Some(at(4)));
    assert_eq!(refused(other.decide(m1, A, 7)).0, RefusalKind::SessionClosed);
}

#[test]
fn that_a_session_has_expired_is_told_alike_by_every_node_and_never_early() {
    let memory = Arc::default();
    let [one, other] = [1, 2].map(|seed| Desk::on(&memory, seed));
    one.add(pooled(1), "p");
    one.add(pooled(2), "p");
    let wanted = Wanted { expires: Some(Expires::In(100)), sliding_expiry: Some(50), ..wanted(A, Some(B)) };
    let session = one.create(wanted, 0).unwrap();
    other.book.put(&session);
    let told = |desk: &Desk, seconds: u64| {
        let is_settled = now(desk.sessions.tell_expired(session.id, at(seconds))).unwrap();
        let expired = |event: &Event| event.kind == EventKind::SessionExpired;
        let events: Vec<Event> =
            desk.events.lock().unwrap().iter().filter(|event| expired(event)).cloned().collect();
        (is_settled, events)
    };
    let due = |until: u64| one.book.expired(Default::default(), at(until));
    assert_eq!((due(99), due(100)), (vec![], vec![(at(100), session.id)]));
    assert_eq!(one.book.expired((at(100), session.id), at(200)), []);
    assert_eq!(told(&one, 99), (true, vec![]), "it has not expired");
    // A call has moved the expiry, and the store does not know yet.
    one.book.extend(session.id, at(120));
    assert_eq!(told(&one, 110), (true, vec![]), "it comes again, with the later expiry");
    assert_eq!(told(&one, 130), (false, vec![]), "it has to be asked for again");
    let (is_settled, events) = told(&other, 130);
    assert!(is_settled && events.len() == 1);
    assert_eq!((events[0].at, events[0].data.tree()["status"].clone()), (at(100), "expired".into()));
    let third = Desk::on(&memory, 3);
    third.book.put(&session);
    assert_eq!(told(&third, 999).1, events, "the same to the letter, whenever it is told");
    now(third.sessions.close(session.id, at(1000))).unwrap();
    assert_eq!((told(&third, 1001).1.len(), third.book.expired(Default::default(), at(1001))), (1, vec![]));
}
