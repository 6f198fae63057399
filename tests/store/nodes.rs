//! Nodes of a fleet hear of each other, also after the database was away.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use maskline::base::Secret;
use maskline::ledger::{Change, Entry, EventKind, Session, SessionId, Store, StoreFault};
use maskline::store::Postgres;

use crate::database::Database;
use crate::events::{follow, next, next_event};
use crate::make::{at, call, create, event, mask, number, party, session};

/// The next session told. A number that was changed just before following began may be told as well.
fn next_session(told: &mpsc::Receiver<Change>) -> Session {
    loop {
        match next(told) {
            Change::Session(session) => return *session,
            Change::Number(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_one_node_does_the_other_hears() {
    let Some(database) = Database::postgres().await else { return };
    let (one, other) = (database.open().await, database.open().await);
    let (at_one, at_other) = (follow(&*one).await, follow(&*other).await);
    let made = session((1, 1), (None, 2));
    create(&*one, &made).await;
    assert_eq!(next_session(&at_other), made);
    one.keep(&[Entry::Bound { session: made.id, caller: party(2) }]).await.unwrap();
    assert_eq!(next_session(&at_other).second.number, Some(party(2)));
    one.put_number(&number(1, "delivery")).await.unwrap();
    assert!(matches!(next(&at_other), Change::Number(told) if *told == number(1, "delivery")));
    one.remove_number(mask(1)).await.unwrap();
    assert!(matches!(next(&at_other), Change::NumberGone(gone) if gone == mask(1)));
    let ended = call("a", 1);
    one.keep(&[Entry::Event(Box::new(event(&ended, EventKind::CallEnded)))]).await.unwrap();
    let (here, there) = (next_event(&at_one), next_event(&at_other));
    assert_eq!(
        here, there,
        "an event is told everywhere, and it is the first thing that the first node hears"
    );
    other.redact(party(1), at(9)).await.unwrap();
    assert_eq!(next_session(&at_one).first.number, None);
    assert_eq!(next_session(&at_other).first.number, None, "what an erasure closed is told here too");
}

#[tokio::test]
async fn what_happens_between_loading_and_following_is_told() {
    let Some(database) = Database::postgres().await else { return };
    let (one, other) = (database.open().await, database.open().await);
    other.load(at(0), &mut |_| panic!("nothing is there yet")).await.unwrap();
    let made = session((1, 1), (None, 2));
    create(&*one, &made).await;
    let told = follow(&*other).await;
    assert_eq!(next_session(&told), made);
}

#[tokio::test]
async fn what_was_changed_while_the_database_was_away_is_told_when_it_is_back() {
    let Some(database) = Database::postgres().await else { return };
    let wire = Wire::new(database.postgres_url());
    let near = database.open().await;
    near.put_number(&number(7, "delivery")).await.unwrap();
    let far: Arc<dyn Store> = Arc::new(Postgres::open(&Secret::new(wire.url.clone())).await.unwrap());
    let told = follow(&*far).await;
    let before = session((1, 1), (Some(2), 2));
    create(&*near, &before).await;
    assert_eq!(next_session(&told).id, before.id);

    wire.cut();
    let fault = far.session(before.id).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault}");
    far.check().await.unwrap_err();
    let during = session((3, 3), (Some(4), 4));
    create(&*near, &during).await;
    near.remove_number(mask(7)).await.unwrap();
    near.keep(&[Entry::Event(Box::new(event(&call("a", 1), EventKind::CallEnded)))]).await.unwrap();
    wire.mend();

    // What it may have heard already is told again; what it missed comes for certain.
    let mut missed: (Option<SessionId>, bool, bool) = (None, false, false);
    while missed != (Some(during.id), true, true) {
        match next(&told) {
            Change::Session(session) if session.id == during.id => missed.0 = Some(session.id),
            Change::NumberGone(gone) => missed.1 = gone == mask(7),
            Change::Event(_) => missed.2 = true,
            _ => {}
        }
    }
    far.check().await.unwrap();
    let after = session((5, 5), (Some(6), 6));
    create(&*near, &after).await;
    while next_session(&told).id != after.id {}
}

/// A wire to the server that can be cut.
struct Wire {
    url: String,
    state: Arc<Mutex<Cable>>,
}

#[derive(Default)]
struct Cable {
    is_cut: bool,
    ends: Vec<TcpStream>,
}

impl Wire {
    fn new(url: &str) -> Self {
        let (head, rest) = url.split_once('@').expect("a user");
        let (server, database) = rest.split_once('/').expect("a database");
        let server: SocketAddr = server.parse().expect("an address and a port");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{head}@{}/{database}", listener.local_addr().unwrap());
        let state: Arc<Mutex<Cable>> = Arc::default();
        let cable = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut cable = cable.lock().unwrap();
                if !cable.is_cut {
                    let server = TcpStream::connect(server).unwrap();
                    for (from, to) in [(&client, &server), (&server, &client)] {
                        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        thread::spawn(move || {
                            let _ = io::copy(&mut from, &mut to);
                            let _ = to.shutdown(Shutdown::Both);
                        });
                    }
                    cable.ends.extend([client, server]);
                }
            }
        });
        Self { url, state }
    }

    fn cut(&self) {
        let mut cable = self.state.lock().unwrap();
        cable.is_cut = true;
        cable.ends.drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }

    fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }
}
