//! Sessions that are given another party, by nodes that do not hear of each other: only the database tells them what is
//! taken.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use maskline::base::Random;
use maskline::base::settings::Settings;
use maskline::ledger::{Book, Session, SessionId, Store};
use maskline::route::Index;
use maskline::session::{Change, Numbers, Sessions, Wanted};

use crate::database::Database;
use crate::make::{at, mask, number, party};

/// A node: what it knows of numbers, and nothing of sessions but its own.
struct Node {
    sessions: Sessions,
    book: Arc<Book>,
    store: Arc<dyn Store>,
}

impl Node {
    async fn new(database: &Database, seed: u64, numbers: u64) -> Arc<Self> {
        let (store, book) = (database.open().await, Arc::new(Book::new()));
        (0..numbers).for_each(|digits| book.put_number(number(digits, "delivery")));
        let settings = Settings::parse("[numbers]\ncountry = \"IN\"\n", Path::new("config.toml")).unwrap();
        let index = Arc::new(Index::new(Arc::new(settings)));
        let in_force = Arc::new(move || Arc::clone(&index));
        let sessions =
            Sessions::new(Arc::clone(&store), Arc::clone(&book), in_force, Random::from_number(seed));
        Arc::new(Self { sessions, book, store })
    }

    async fn create(&self, first: u64, second: u64) -> Session {
        let numbers = Numbers::Pool { name: "delivery".into(), is_shared: false };
        let wanted = Wanted { cooloff: 60, ..Wanted::new(party(first), Some(party(second)), numbers) };
        self.sessions.create(wanted, None, at(0)).await.unwrap().session
    }

    async fn give(&self, id: SessionId, second: u64) -> Session {
        let change = Change { second_party: Some(party(second)), ..Change::default() };
        self.sessions.change(id, change, at(1)).await.unwrap()
    }
}

pub(crate) async fn a_new_party_gets_another_number_where_its_own_is_taken(database: Database) {
    let (one, other) = (Node::new(&database, 1, 4).await, Node::new(&database, 2, 4).await);
    let session = one.create(1, 2).await;
    let in_the_way = other.create(3, 4).await;
    let channels = |session: &Session| session.channels().map(|(dialled, _)| dialled);
    assert_eq!((channels(&session), channels(&in_the_way)), ([mask(0), mask(1)], [mask(0), mask(1)]));
    let changed = one.give(session.id, 4).await;
    assert_eq!(channels(&changed), [mask(0), mask(2)]);
    assert_eq!(one.store.session(session.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(one.book.pair(mask(2), party(4)).unwrap().id, session.id);
    // Whoever comes next finds the new channel taken, and the former one as long as it rests.
    let rows = |dialled: u64, party: u64| {
        let dialled = mask(dialled).reveal();
        format!("channels WHERE dialled = {} AND caller = 91987650{party:04}", &dialled[1..])
    };
    for (dialled, party) in [(0, 1), (2, 4), (1, 2), (0, 3), (1, 4)] {
        assert_eq!(database.count(&rows(dialled, party)).await, 1, "{dialled} {party}");
    }
    assert_eq!(database.count("channels").await, 5);
    assert_eq!(changed.former[0].free_at, at(61));
}

/// Thirty sessions are given the same party by two nodes at once: each gets it by a number of its own.
pub(crate) async fn many_that_are_given_one_party_at_once_share_no_channel(database: Database) {
    let nodes = [Node::new(&database, 1, 40).await, Node::new(&database, 2, 40).await];
    let mut ids = Vec::new();
    for count in 0..30 {
        ids.push(nodes[0].create(100 + count, 200 + count).await.id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (count, id) in ids.into_iter().enumerate() {
        let node = Arc::clone(&nodes[count % 2]);
        tasks.spawn(async move { node.give(id, 1).await });
    }
    let changed = tasks.join_all().await;
    let dialled: HashSet<_> = changed.iter().map(|session| session.second.dials).collect();
    assert_eq!((changed.len(), dialled.len()), (30, 30));
    assert!(changed.iter().all(|session| session.first.dials == mask(0)), "the other party keeps its own");
    for session in &changed {
        assert_eq!(nodes[0].store.session(session.id).await.unwrap().as_ref(), Some(session));
    }
}
