use super::*;
use crate::base::Random;
use crate::ledger::Party;

const A: &str = "+919876500001";
const B: &str = "+919876500002";
const C: &str = "+919876500003";
const M1: &str = "+918045550101";
const M2: &str = "+918045550102";

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn session(seed: u64, first: &str, second: Option<&str>) -> Session {
    Session {
        id: SessionId::new(at(seed), &mut Random::from_number(seed)),
        first: Party { number: Some(number(first)), dials: number(M1) },
        second: Party { number: second.map(number), dials: number(M2) },
        pool: None,
        reference: None,
        metadata: None,
        callback_url: None,
        created_at: at(seed),
        starts_at: at(seed),
        expires_at: at(1000),
        sliding_expiry: None,
        cooloff: 10,
        closed_at: None,
        call_time_limit: None,
        ring_timeout: None,
        bind_first_caller: false,
        version: 1,
        expiry_version: 0,
        former: Vec::new(),
    }
}

fn put(session: Session) -> (Book, Session) {
    let book = Book::new();
    book.put(&session);
    (book, session)
}

#[test]
fn an_older_version_changes_nothing() {
    let (book, old) = put(session(1, A, Some(B)));
    let new = Session { second: Party { number: Some(number(C)), ..old.second }, version: 2, ..old.clone() };
    book.put(&new);
    book.put(&old);
    assert_eq!(book.pair(number(M1), number(A)).unwrap().version, 2);
    assert!(book.pair(number(M2), number(B)).is_none() && book.pair(number(M2), number(C)).is_some());
    assert_eq!((book.sessions(), book.has_sessions(number(M2))), (1, true));
}

#[test]
fn what_calls_did_outlasts_the_same_version_but_no_end() {
    let (book, stood) = put(session(1, A, None));
    assert!(book.extend(stood.id, at(2000)) && !book.extend(stood.id, at(1500)));
    assert!(book.bind(stood.id, number(B), at(1)) && !book.bind(stood.id, number(C), at(1)));
    book.put(&stood);
    let live = book.session(stood.id).unwrap();
    assert_eq!((live.expires_at, live.free_at, live.second.number), (at(2000), at(2010), Some(number(B))));
    book.put(&Session { version: 2, expires_at: at(1200), ..stood.clone() });
    let live = book.session(stood.id).unwrap();
    assert_eq!(
        (live.expires_at, live.second.number),
        (at(1200), Some(number(B))),
        "a shorter life is a change"
    );
    book.put(&Session { version: 3, closed_at: Some(at(50)), ..stood.clone() });
    let live = book.session(stood.id).unwrap();
    assert_eq!((live.is_closed, live.free_at, live.second.number), (true, at(60), None));
    assert!(!book.extend(stood.id, at(3000)));
}

#[test]
fn a_caller_is_bound_to_a_number_that_is_free_for_it() {
    let (book, waiting) = put(session(1, A, None));
    let other = Session {
        first: Party { number: Some(number(C)), dials: number("+918045550103") },
        ..session(2, C, Some(B))
    };
    let hold = book.reserve(&other, at(1)).unwrap();
    assert!(!book.bind(waiting.id, number(B), at(1)), "another session is about to have it");
    drop(hold);
    assert!(!book.bind(waiting.id, number(A), at(1)), "nobody is both parties");
    assert!(book.bind(waiting.id, number(B), at(1)));
    assert_eq!(book.reserve(&other, at(1)).unwrap_err(), (number(M2), Some(number(B))));
    assert!(book.half_known(number(M2)).is_none());
}

#[test]
fn what_is_held_is_nobody_elses_and_calls_do_not_see_it() {
    let (book, [one, other]) = (Book::new(), [session(1, A, Some(B)), session(2, C, Some(B))]);
    let hold = book.reserve(&one, at(1)).unwrap();
    assert_eq!(book.reserve(&other, at(1)).unwrap_err(), (number(M2), Some(number(B))));
    assert!(book.is_free((number(M1), Some(number(C))), at(1)), "what was half held is let go");
    assert!(book.pair(number(M1), number(A)).is_none() && book.is_used(number(M1), at(1)));
    book.put(&one);
    drop(hold);
    assert!(!book.is_free((number(M1), Some(number(A))), at(1009)));
    assert!(book.is_free((number(M1), Some(number(A))), at(1010)) && !book.is_used(number(M1), at(1010)));
    assert!(book.reserve(&other, at(1009)).is_err() && book.reserve(&other, at(1010)).is_ok());
}

#[test]
fn the_session_that_is_free_later_has_the_channel_in_whatever_order_they_are_told() {
    let closed = Session { closed_at: Some(at(5)), version: 2, ..session(1, A, Some(B)) };
    let next = session(20, A, Some(B));
    for order in [[&closed, &next], [&next, &closed]] {
        let book = Book::new();
        order.into_iter().for_each(|session| book.put(session));
        assert_eq!(book.pair(number(M1), number(A)).unwrap().id, next.id);
    }
    // The first one's end is told late, or not at all.
    let (book, forever) = put(Session { expires_at: Timestamp::MAX, ..session(1, A, Some(B)) });
    book.put(&next);
    assert_eq!(book.pair(number(M1), number(A)).unwrap().id, next.id);
    book.put(&Session { closed_at: Some(at(5)), version: 2, ..forever.clone() });
    assert_eq!(book.pair(number(M1), number(A)).unwrap().id, next.id);
    // The second ends, and the first goes on.
    book.put(&Session { closed_at: Some(at(30)), version: 2, ..next.clone() });
    book.put(&Session { version: 3, ..forever.clone() });
    assert_eq!(book.pair(number(M1), number(A)).unwrap().id, forever.id);
    book.put(&Session { closed_at: Some(at(30)), version: 3, ..next });
    assert_eq!(book.pair(number(M1), number(A)).unwrap().id, forever.id);
}

#[test]
fn sweeping_forgets_what_is_long_over_and_nothing_else() {
    let (book, old) = put(session(1, A, Some(B)));
    let next = Session { expires_at: Timestamp::MAX, ..session(2000, A, Some(C)) };
    book.put(&next);
    assert_eq!(
        [0, 500, 1500, 2500].map(|time| book.open_sessions(at(time))),
        [2, 2, 1, 1],
        "not begun is open"
    );
    let due = at(1010).after(Book::KEPT);
    assert_eq!(book.sweep(due.before(Duration::from_millis(1))), 0);
    assert_eq!((book.sweep(due), book.sessions()), (1, 1));
    assert!(book.session(old.id).is_none() && book.pair(number(M2), number(B)).is_none());
    assert_eq!(
        book.pair(number(M1), number(A)).unwrap().id,
        next.id,
        "the channel has another session since"
    );
    book.put(&Session { closed_at: Some(at(2001)), version: 2, ..next });
    assert_eq!(book.open_sessions(at(2001)), 0);
    book.sweep(at(2011).after(Book::KEPT));
    assert_eq!(
        (book.sessions(), book.has_sessions(number(M1)), book.has_sessions(number(M2))),
        (0, false, false)
    );
}

#[test]
fn pools_and_trunks_follow_the_numbers() {
    let book = Book::new();
    let rented = |text, pool: Option<&str>, state| Number {
        number: number(text),
        country: None,
        pool: pool.map(Into::into),
        trunk: Some("carrier".into()),
        answer: None,
        state,
        added_at: at(0),
    };
    let pool = |name| book.pool(name).map(|pool| pool.iter().map(|number| number.number).collect::<Vec<_>>());
    assert_eq!(pool("p"), None);
    book.put_number(rented(M2, Some("p"), NumberState::Active));
    book.put_number(rented(M1, Some("p"), NumberState::Active));
    assert_eq!(pool("p"), Some(vec![number(M1), number(M2)]));
    book.put_number(rented(M1, Some("p"), NumberState::Draining));
    assert_eq!((pool("p"), book.state(number(M1))), (Some(vec![number(M2)]), Some(NumberState::Draining)));
    book.put_number(rented(M2, Some("q"), NumberState::Retired));
    assert_eq!((pool("p"), pool("q")), (Some(vec![]), Some(vec![])));
    assert!(book.is_on_trunk("carrier"));
    book.remove_number(number(M1));
    assert_eq!((pool("p"), book.number(number(M1))), (None, None));
    assert!(!book.is_on_trunk("carrier"), "what is retired is rented no more");
}

#[test]
fn a_session_takes_little_room() {
    assert!(std::mem::size_of::<Live>() <= 112);
    assert_eq!(std::mem::size_of::<Channel>(), 16);
}
