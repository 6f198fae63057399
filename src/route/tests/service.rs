//! Numbers of the inventory whose calls a web service decides.

use super::*;
use crate::base::Random;
use crate::base::link::Method;
use crate::base::settings::AnswerUrl;
use crate::ledger::{Number, NumberState, Party, Session, SessionId};

const URL: &str = "http://app.example/answer?key=secret";

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_335_330_000)
}

/// A book with a number in a pool that asks this service.
fn book(dialled: &str, url: &str, state: NumberState) -> Book {
    let book = Book::new();
    book.put_number(Number {
        number: number(dialled),
        country: None,
        pool: Some("p".into()),
        trunk: None,
        answer: Some(AnswerUrl { url: url.into(), method: Method::Get }),
        state,
        added_at: now(),
    });
    book
}

/// A session in which A reaches B by a number.
fn put_session(book: &Book, dialled: &str) -> SessionId {
    let id = SessionId::new(now(), &mut Random::from_number(1));
    book.put(&Session {
        id,
        first: Party { number: Some(number(A)), dials: number(dialled) },
        second: Party { number: Some(number(B)), dials: number(M2) },
        pool: Some("p".into()),
        reference: None,
        metadata: None,
        callback_url: None,
        created_at: now(),
        starts_at: now(),
        expires_at: Timestamp::MAX,
        sliding_expiry: None,
        cooloff: 0,
        closed_at: None,
        call_time_limit: None,
        ring_timeout: None,
        bind_first_caller: false,
        version: 1,
        expiry_version: 0,
        former: Vec::new(),
    });
    id
}

#[test]
fn a_number_s_own_service_is_asked_before_any_session_or_row() {
    for dialled in [IDLE, M1, OPEN, "+918045550199"] {
        let book = book(dialled, URL, NumberState::Active);
        put_session(&book, dialled);
        for caller in [known(A), known(B), known(STRANGER), Identity::Anonymous] {
            let Decision::Ask(inquiry) = decide(&index(), &book, now(), &question(dialled, caller)) else {
                panic!("{dialled} {caller:?}")
            };
            assert_eq!((&*inquiry.answer.url, inquiry.answer.method), (URL, Method::Get));
            assert_eq!(inquiry.dialled, number(dialled));
            assert_eq!(inquiry.trace.last(), Some(&Step::AsksService("app.example".into())));
            let explained = explain(&index(), &book, caller, dialled, now());
            assert!(matches!(explained, Decision::Ask(_)), "{explained:?}");
        }
        // A caller who claims a number of ours is refused before anybody is asked.
        assert_eq!(
            refused(decide(&index(), &book, now(), &question(dialled, known(M2)))),
            RefusalKind::CallerClaimsOwn
        );
    }
}

#[test]
fn where_it_does_not_answer_the_sessions_and_rows_of_the_number_decide() {
    let unasked = |dialled, caller, with_session: bool| {
        let book = book(dialled, URL, NumberState::Active);
        let id = with_session.then(|| put_session(&book, dialled));
        (admit_unasked(&index(), &book, now(), &question(dialled, caller)), id)
    };
    let (decision, id) = unasked(IDLE, known(A), true);
    let plan = bridged(decision);
    assert_eq!((plan.destination, plan.show, plan.session), (number(B), number(M2), id));
    assert_eq!(bridged(unasked(OPEN, known(A), false).0).destination, number(D));
    assert_eq!(refused(unasked(IDLE, known(STRANGER), true).0), RefusalKind::CallerNotAllowed);
    assert_eq!(refused(unasked(IDLE, known(A), false).0), RefusalKind::NoMapping);
}

#[test]
fn a_number_asks_for_as_long_as_it_is_ours() {
    let ask = |state| decide(&index(), &book(IDLE, URL, state), now(), &question(IDLE, known(A)));
    assert!(matches!(ask(NumberState::Draining), Decision::Ask(_)), "calls on it go on");
    assert_eq!(refused(ask(NumberState::Retired)), RefusalKind::NotOurs);
}

#[test]
fn the_number_s_own_goes_before_the_service_of_a_row() {
    let row = format!("[[mappings]]\ndialled = \"{IDLE}\"\nanswer_url = \"http://row.example/\"\n");
    let index = Index::new(Arc::new(settings(&format!("{FILE}{row}"))));
    let host = |book: &Book| match decide(&index, book, now(), &question(IDLE, known(A))) {
        Decision::Ask(inquiry) => inquiry.answer.url,
        other => panic!("{other:?}"),
    };
    assert_eq!(&*host(&Book::new()), "http://row.example/");
    assert_eq!(&*host(&book(IDLE, URL, NumberState::Active)), URL);
}
