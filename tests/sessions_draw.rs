//! Drawing numbers for sessions, also by many at a time and by two nodes, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test")]

mod desk;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;

use desk::*;
use maskline::base::PhoneNumber;
use maskline::ledger::{Number, NumberState, Session, SessionId};
use maskline::session::{
    Change, Expires, Fault, NewNumber, NumberChange, Numbers, Removed, Sessions, Wanted,
};

/// Asserts that no two of these sessions have the same number for the same caller.
#[track_caller]
fn assert_unique(sessions: &[Session]) {
    let mut seen = HashSet::new();
    for channel in sessions.iter().flat_map(Session::channels) {
        assert!(seen.insert(channel), "{channel:?} leads into two sessions");
    }
}

fn party(place: u64) -> String {
    format!("+9198111{place:05}")
}

/// What a faulty field is called.
#[track_caller]
fn field<T: std::fmt::Debug>(result: Result<T, Fault>) -> &'static str {
    match result.unwrap_err() {
        Fault::Invalid { field, reason } => {
            assert!(!reason.is_empty());
            field
        }
        fault => panic!("{fault:?}"),
    }
}

#[test]
fn as_few_numbers_as_can_be() {
    let desk = Desk::new(10);
    let sessions: Vec<Session> = (0..50)
        .map(|place| desk.create(wanted(&party(place), Some(&party(place + 100))), 0).unwrap())
        .collect();
    assert!(sessions.iter().all(|session| dials(session) == (pooled(0), pooled(1))));
    let more: Vec<Session> =
        (0..4).map(|place| desk.create(wanted(A, Some(&party(place))), 0).unwrap()).collect();
    let numbers: Vec<_> = more.iter().map(|session| session.first.dials).collect();
    assert_eq!(numbers, [0, 1, 2, 3].map(pooled), "the same party needs another number each time");
    assert_unique(&[sessions, more].concat());
}

#[test]
fn an_exhausted_pool_says_how_many_it_needs() {
    let needs = |result: Result<Session, Fault>| match result.unwrap_err() {
        Fault::PoolExhausted { pool, has, needs } => (pool.into_string(), has, needs),
        fault => panic!("{fault:?}"),
    };
    let desk = Desk::new(1);
    assert_eq!(needs(desk.create(wanted(A, Some(B)), 0)), ("p".into(), 1, 2), "two different numbers");
    desk.create(shared(A, Some(B)), 0).unwrap();
    assert_eq!(needs(desk.create(wanted(A, Some(B)), 0)), ("p".into(), 1, 3));
    assert_eq!(needs(desk.create(wanted(A, Some(C)), 0)), ("p".into(), 1, 2), "C could have the one");
    assert_eq!(needs(desk.create(shared(A, Some(C)), 0)), ("p".into(), 1, 2));
    let other =
        Wanted { numbers: Numbers::Pool { name: "q".into(), is_shared: false }, ..wanted(A, Some(B)) };
    let fault = desk.create(other, 0).unwrap_err();
    assert!(matches!(&fault, Fault::PoolUnknown { pool } if &**pool == "q"), "{fault:?}");
}

#[test]
fn where_both_want_the_same_number_one_takes_its_second() {
    let desk = Desk::new(2);
    let names = |first, second| Wanted { numbers: Numbers::PerParty(first, second), ..wanted(A, Some(C)) };
    desk.create(names(pooled(1), pooled(0)), 0).unwrap();
    // A has only the first number left, B both.
    assert_eq!(dials(&desk.create(wanted(A, Some(B)), 0).unwrap()), (pooled(0), pooled(1)));
    // C has only the second left, D both.
    assert_eq!(dials(&desk.create(wanted(D, Some(C)), 0).unwrap()), (pooled(0), pooled(1)));
}

#[test]
fn numbers_rest_after_the_end_and_a_pair_gets_its_own_again() {
    let desk = Desk::new(6);
    let filler = desk.create(wanted(A, Some(C)), 0).unwrap();
    let asked = Wanted { cooloff: 60, ..wanted(A, Some(B)) };
    let first = desk.create(asked.clone(), 0).unwrap();
    assert_eq!(dials(&first), (pooled(1), pooled(0)));
    now(desk.sessions.close(filler.id, at(10))).unwrap();
    now(desk.sessions.close(first.id, at(10))).unwrap();
    let resting = desk.create(asked.clone(), 69).unwrap();
    assert_eq!(dials(&resting), (pooled(0), pooled(1)), "the pair's own still rest");
    now(desk.sessions.close(resting.id, at(70))).unwrap();
    let turned = desk.create(Wanted { cooloff: 60, ..wanted(B, Some(A)) }, 130).unwrap();
    assert_eq!(dials(&turned), (pooled(1), pooled(0)), "to the pair, whoever is the first");
    let again = desk.create(asked, 130).unwrap();
    assert_unique(&[turned, again]);
}

#[test]
fn numbers_near_the_parties_come_first_where_asked_for() {
    let desk = Desk::new(2);
    let [london, leeds, york] = ["+442079460001", "+441134960001", "+12125550101"].map(number);
    [london, leeds, york].into_iter().for_each(|number| desk.add(number, "p"));
    let near = |first, second| Wanted { geomatch: true, ..wanted(first, second) };
    let session = desk.create(near("+442071838750", Some("+12125550199")), 0).unwrap();
    assert_eq!(dials(&session), (london, york));
    let session = desk.create(near("+441132345678", Some(A)), 0).unwrap();
    assert_eq!(dials(&session), (leeds, pooled(0)));
    let session = desk.create(near("+33123456789", None), 0).unwrap();
    assert_eq!(dials(&session).0, york, "without its country, what begins most like it, in the pool's order");
    assert_eq!(dials(&desk.create(wanted("+442071838750", Some(B)), 0).unwrap()).0, york, "not asked for");
}

#[test]
fn what_is_mapped_draining_or_retired_is_not_drawn() {
    let desk = Desk::new(3);
    [OPEN, MAPPED].into_iter().for_each(|text| desk.add(number(text), "p"));
    let state = |state| NumberChange { state: Some(state), ..NumberChange::default() };
    let set = |place, to| now(desk.sessions.change_number(pooled(place), state(to), at(0))).unwrap();
    assert_eq!(set(0, NumberState::Draining).state, NumberState::Draining);
    set(1, NumberState::Retired);
    let first = desk.create(wanted(A, Some(B)), 0).unwrap();
    assert_eq!(dials(&first), (pooled(2), number(MAPPED)), "the mapping is for A alone");
    let fault = desk.create(wanted(A, Some(B)), 0).unwrap_err();
    assert!(matches!(fault, Fault::PoolExhausted { has: 3, needs: 4, .. }), "{fault:?}");
    set(0, NumberState::Active);
    assert_eq!(dials(&desk.create(shared(A, Some(B)), 0).unwrap()).0, pooled(0));
}

#[test]
fn a_number_in_use_is_drained_and_then_removed() {
    let desk = Desk::new(2);
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    let remove = |seconds| now(desk.sessions.remove_number(pooled(0), at(seconds)));
    let Removed::Draining(number) = remove(1).unwrap() else { panic!("a session has it") };
    assert_eq!(number.state, NumberState::Draining);
    assert_eq!(desk.reached(pooled(0), A, 2).0, B, "calls on it go on");
    let retire = NumberChange { state: Some(NumberState::Retired), ..NumberChange::default() };
    let fault = now(desk.sessions.change_number(pooled(0), retire, at(2))).unwrap_err();
    assert!(matches!(fault, Fault::NumberInUse(_)), "{fault:?}");
    assert_eq!(desk.reached(pooled(0), A, 2).0, B);
    now(desk.sessions.close(session.id, at(3))).unwrap();
    assert_eq!(remove(4).unwrap(), Removed::Gone);
    assert!(matches!(remove(5), Err(Fault::NotFound)));
    desk.add(desk::number(OPEN), "q");
    let mapped = now(desk.sessions.remove_number(desk::number(OPEN), at(5))).unwrap();
    assert!(matches!(mapped, Removed::Draining(_)), "a mapping has it");
}

#[test]
fn what_can_be_no_session_is_refused_with_its_field_and_nothing_is_made() {
    let desk = Desk::new(3);
    let create = |wanted| desk.create(wanted, 5);
    assert_eq!(field(create(wanted(A, Some(A)))), "second_party");
    for (number, what) in [
        (SPARE, "a masking number of the settings"),
        ("+918046660001", "a masking number of the inventory"),
        ("+44116123", "a short code"),
        ("+91112112", "a number too short for its country"),
        ("+19002345678", "a premium rate"),
    ] {
        assert_eq!(field(create(wanted(A, Some(number)))), "second_party", "{what}");
        assert_eq!(field(create(wanted(number, None))), "first_party", "{what}");
    }
    for expires in [Expires::In(0), Expires::In(u64::MAX), Expires::In(400_000_000)] {
        assert_eq!(field(create(Wanted { expires: Some(expires), ..wanted(A, None) })), "session_expiry");
    }
    for expires in [Expires::At(at(5)), Expires::At(at(4)), Expires::At(at(400_000_000))] {
        assert_eq!(field(create(Wanted { expires: Some(expires), ..wanted(A, None) })), "expires_at");
    }
    let base = || wanted(A, Some(B));
    let named = |number: PhoneNumber| Wanted { numbers: Numbers::Shared(number), ..base() };
    let per_party = Wanted { numbers: Numbers::PerParty(pooled(0), number(C)), ..base() };
    for (asked, name) in [
        (Wanted { sliding_expiry: Some(0), ..base() }, "sliding_expiry"),
        (Wanted { cooloff: u64::MAX, ..base() }, "virtual_number_cooloff_period"),
        (Wanted { call_time_limit: Some(0), ..base() }, "call_time_limit"),
        (Wanted { ring_timeout: Some(601), ..base() }, "ring_timeout"),
        (Wanted { starts_at: Some(at(400_000_000)), ..base() }, "starts_at"),
        (Wanted { starts_at: Some(at(9)), expires: Some(Expires::At(at(9))), ..base() }, "expires_at"),
        (Wanted { reference: Some("".into()), ..base() }, "reference"),
        (named(number(C)), "virtual_number"),
        (per_party, "second_party_number"),
    ] {
        assert_eq!(field(create(asked)), name);
    }
    for state in [NumberState::Draining, NumberState::Retired] {
        let stood = desk.book.number(pooled(2)).unwrap();
        desk.book.put_number(Number { state, ..Number::clone(&stood) });
        assert_eq!(field(create(named(pooled(2)))), "virtual_number");
    }
    let fault = create(named(number(MAPPED))).unwrap_err();
    assert!(matches!(fault, Fault::ChannelTaken { party: Some(_), .. }), "{fault:?}");
    assert_eq!((desk.book.sessions(), desk.events.lock().unwrap().len()), (0, 0));
    assert_eq!(dials(&create(base()).unwrap()), (pooled(0), pooled(1)), "nothing is held");
}

/// A number that was given up may have become somebody's own since.
#[test]
fn a_retired_number_that_is_a_party_is_not_taken_back() {
    let desk = Desk::new(3);
    let set = |state| {
        let change = NumberChange { state: Some(state), ..NumberChange::default() };
        now(desk.sessions.change_number(pooled(2), change, at(1)))
    };
    set(NumberState::Retired).unwrap();
    let session = desk.create(wanted(A, Some(&pooled(2).reveal())), 1).unwrap();
    for state in [NumberState::Active, NumberState::Draining] {
        assert_eq!(field(set(state)), "number");
        assert_eq!(desk.book.state(pooled(2)), Some(NumberState::Retired));
    }
    now(desk.sessions.close(session.id, at(1))).unwrap();
    assert_eq!(set(NumberState::Active).unwrap().state, NumberState::Active);
}

#[test]
fn what_can_be_no_masking_number_is_refused() {
    let desk = Desk::new(2);
    desk.create(wanted(A, Some(B)), 0).unwrap();
    let add = |text: &str, pool: Option<&str>, trunk: Option<&str>| {
        let new = NewNumber {
            pool: pool.map(Into::into),
            trunk: trunk.map(Into::into),
            ..NewNumber::named(number(text))
        };
        now(desk.sessions.add_number(new, at(1)))
    };
    for text in ["+44116123", "+919876500077", D, A, B] {
        assert_eq!(field(add(text, None, None)), "number", "{text}");
    }
    assert_eq!(field(add("+918046669999", Some(""), None)), "pool");
    assert_eq!(field(add("+918046669999", None, Some("nowhere"))), "trunk");
    assert!(add(SPARE, None, Some("carrier")).unwrap().1, "one of the settings is adopted");
    assert!(!add(SPARE, None, Some("carrier")).unwrap().1);
    assert!(matches!(add(SPARE, Some("p"), None), Err(Fault::NumberTaken(_))));
    let second_party = Some(number(SPARE));
    let session = desk.create(wanted(A, None), 1).unwrap();
    let change = now(desk.sessions.change(session.id, Change { second_party, ..Change::default() }, at(1)));
    assert_eq!(field(change), "second_party");
}

#[test]
fn a_repeat_is_answered_as_the_first_was() {
    let desk = Desk::new(2);
    let create = |wanted: &Wanted, key: Option<(&str, u8)>| {
        let key = key.map(|(key, body)| (key.into(), [body; 32]));
        now(desk.sessions.create(wanted.clone(), key, at(0))).map(|made| (made.session.id, made.is_new))
    };
    let plain = wanted(A, Some(B));
    let (id, is_new) = create(&plain, Some(("k", 1))).unwrap();
    assert!(is_new);
    assert_eq!(create(&plain, Some(("k", 1))).unwrap(), (id, false), "though the pool has run out");
    assert!(matches!(create(&plain, Some(("k", 2))), Err(Fault::KeyReused)));
    assert!(matches!(create(&wanted(C, Some(A)), Some(("k", 2))), Err(Fault::KeyReused)));
    let order = Wanted { reference: Some("order 7".into()), ..wanted(C, Some(D)) };
    let (id, _) = create(&order, None).unwrap();
    assert_eq!(create(&order, None).unwrap(), (id, false));
    let other =
        Wanted { reference: order.reference.clone(), ..wanted("+919876500009", Some("+919876500008")) };
    assert!(matches!(create(&other, None), Err(Fault::ReferenceTaken(taken)) if taken == id));
    assert_eq!(desk.book.sessions(), 2);
    create(&wanted("+919876500009", Some("+919876500008")), None).unwrap();
}

#[test]
fn where_the_database_is_away_nothing_is_half_made() {
    let memory = Arc::default();
    let desk = Desk::on(&memory, 1);
    [pooled(0), pooled(1)].into_iter().for_each(|number| desk.add(number, "p"));
    let session = desk.create(wanted(A, Some(B)), 0).unwrap();
    memory.set_away(true);
    assert!(matches!(desk.create(wanted(C, Some(D)), 1), Err(Fault::Unavailable(_))));
    assert!(matches!(now(desk.sessions.close(session.id, at(1))), Err(Fault::Unavailable(_))));
    assert!(matches!(now(desk.sessions.remove_number(pooled(0), at(1))), Err(Fault::Unavailable(_))));
    assert_eq!(desk.reached(pooled(0), A, 2).0, B, "calls go on");
    memory.set_away(false);
    assert_eq!(dials(&desk.create(wanted(C, Some(D)), 3).unwrap()), (pooled(0), pooled(1)));
}

#[test]
fn a_hundred_at_once_share_no_channel() {
    let desk = Desk::new(100);
    let make = |place: u64| desk.create(wanted(A, Some(&party(place))), 0);
    let sessions = at_once(100, make);
    let sessions: Vec<Session> = sessions.into_iter().map(Result::unwrap).collect();
    assert_unique(&sessions);
    let numbers: HashSet<_> = sessions.iter().map(|session| session.first.dials).collect();
    assert_eq!(numbers.len(), 100);
    assert!(matches!(
        desk.create(wanted(A, Some(B)), 0),
        Err(Fault::PoolExhausted { has: 100, needs: 101, .. })
    ));
}

/// A pool with just enough for one: whoever comes with the same request at the same time gets that one.
#[test]
fn repeats_at_the_same_time_are_answered_with_the_one_session() {
    for (round, by_key) in (0..60).flat_map(|round| [(round, true), (round, false)]) {
        let desk = Desk::new(2);
        let make = |_| {
            let reference = (!by_key).then(|| "ride".into());
            let key = by_key.then(|| ("k".into(), [1; 32]));
            wait(desk.sessions.create(Wanted { reference, ..wanted(A, Some(B)) }, key, at(0)))
        };
        let made: Vec<_> = at_once(8, make).into_iter().map(Result::unwrap).collect();
        assert_eq!(made.iter().filter(|made| made.is_new).count(), 1, "round {round}");
        assert!(made.iter().all(|one| one.session == made[0].session), "round {round}");
    }
}

/// Numbers that somebody holds are not yet taken: whoever holds them may have to let them go.
#[test]
fn what_others_hold_is_waited_for() {
    let desk = Desk::new(1);
    let made = desk.create(shared(A, Some(B)), 0).unwrap();
    now(desk.sessions.close(made.id, at(1))).unwrap();
    let hold = desk.book.reserve(&Session { id: SessionId::default(), ..made.clone() }, at(2)).unwrap();
    let mut waiting = std::pin::pin!(desk.sessions.create(shared(A, Some(B)), None, at(2)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    drop(hold);
    // Another one's end is what tells of it.
    desk.create(shared(C, Some(D)), 2).unwrap();
    assert!(waiting.as_mut().poll(&mut context).is_ready());
}

#[test]
fn two_nodes_on_one_database_share_no_channel() {
    let memory = Arc::default();
    let nodes = [Desk::on(&memory, 1), Desk::on(&memory, 2)];
    for place in 0..100 {
        nodes[0].add(pooled(place), "p");
        nodes[1].book.put_number(Number::clone(&nodes[0].book.number(pooled(place)).unwrap()));
    }
    // The first node's sessions are not told: the other one runs into every single one of them.
    for place in 0..30 {
        nodes[0].create(wanted(A, Some(&party(place))), 0).unwrap();
    }
    let make = |place: u64| nodes[place as usize % 2].create(wanted(A, Some(&party(place))), 0);
    let made = at_once(70, |place| make(place + 30));
    assert!(made.into_iter().all(|made| made.is_ok()));
    let sessions = memory.sessions();
    assert_eq!(sessions.len(), 100);
    assert_unique(&sessions);
    for node in &nodes {
        node.store.tell(&node.book);
        for session in &sessions {
            let other = session.second.number.unwrap().reveal();
            assert_eq!(node.reached(session.first.dials, A, 1), (other.clone(), session.second.dials));
            assert_eq!(node.reached(session.second.dials, &other, 1), (A.into(), session.first.dials));
        }
    }
    let named = Wanted { numbers: Numbers::Shared(pooled(0)), ..wanted(A, Some(B)) };
    assert!(matches!(nodes[1].create(named, 1), Err(Fault::ChannelTaken { .. })));
}

/// What so many threads make at the same time.
fn at_once<T: Send>(count: u64, make: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(count as usize);
    thread::scope(|scope| {
        let (make, start) = (&make, &start);
        let threads: Vec<_> = (0..count)
            .map(|place| {
                scope.spawn(move || {
                    start.wait();
                    make(place)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The service is used by tasks that move between threads.
#[test]
fn its_futures_can_be_sent() {
    fn sent<T: Send>(_: T) {}
    let desk = Desk::new(0);
    let sessions: &Sessions = &desk.sessions;
    sent(sessions.create(wanted(A, None), None, at(0)));
    sent(sessions.change(maskline::ledger::SessionId(Default::default()), Change::default(), at(0)));
    sent(sessions.remove_number(pooled(0), at(0)));
}
