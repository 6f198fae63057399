//! Random lives of sessions against a simple model: what is promised holds whatever happens in whatever order.

#![allow(clippy::unwrap_used, reason = "a test")]

mod desk;

use std::sync::Arc;

use desk::*;
use maskline::base::{PhoneNumber, Timestamp};
use maskline::ledger::{Channel, Entry, Former, Loaded, NumberState, Session, SessionId, Store};
use maskline::route::{self, Decision, Identity, Plan, Source, Step, Treatment};
use maskline::session::{Change, Expires, Fault, NumberChange, Wanted};
use proptest::prelude::*;

const PARTIES: [&str; 4] = [A, B, C, "+919876500004"];
const NUMBERS: u64 = 3;

/// Something that happens. Sessions are named by their place among those that were made.
#[derive(Debug, Clone)]
enum Deed {
    Create { first: usize, second: Option<usize>, is_shared: bool, lasts: Option<u64>, terms: Terms },
    ChangeParty { session: usize, is_first: bool, party: usize },
    ChangeNumber { session: usize, is_first: bool, place: u64 },
    ChangeExpiry { session: usize, lasts: u64 },
    Close { session: usize },
    Reopen { session: usize, lasts: u64 },
    Pass { seconds: u64 },
    Call { place: u64, caller: usize },
    Restart,
}

#[derive(Debug, Clone, Copy)]
struct Terms {
    starts_in: u64,
    sliding: Option<u64>,
    cooloff: u64,
    binds: bool,
}

fn deed() -> impl Strategy<Value = Deed> {
    let party = || 0..PARTIES.len();
    let seconds = || 1_u64..60;
    let terms = (0_u64..20, proptest::option::of(seconds()), 0_u64..40, any::<bool>()).prop_map(
        |(starts_in, sliding, cooloff, binds)| Terms {
            starts_in: starts_in.saturating_sub(12),
            sliding,
            cooloff: cooloff.saturating_sub(15),
            binds,
        },
    );
    let create = (
        party(),
        proptest::option::weighted(0.7, party()),
        any::<bool>(),
        proptest::option::of(seconds()),
        terms,
    );
    prop_oneof![
        6 => create.prop_map(|(first, second, is_shared, lasts, terms)|
            Deed::Create { first, second, is_shared, lasts, terms }),
        2 => (0..8_usize, any::<bool>(), party())
            .prop_map(|(session, is_first, party)| Deed::ChangeParty { session, is_first, party }),
        2 => (0..8_usize, any::<bool>(), 0..NUMBERS)
            .prop_map(|(session, is_first, place)| Deed::ChangeNumber { session, is_first, place }),
        1 => (0..8_usize, seconds()).prop_map(|(session, lasts)| Deed::ChangeExpiry { session, lasts }),
        2 => (0..8_usize).prop_map(|session| Deed::Close { session }),
        2 => (0..8_usize, seconds()).prop_map(|(session, lasts)| Deed::Reopen { session, lasts }),
        4 => (0_u64..40).prop_map(|seconds| Deed::Pass { seconds }),
        12 => (0..NUMBERS, party()).prop_map(|(place, caller)| Deed::Call { place, caller }),
        1 => Just(Deed::Restart),
    ]
}

/// What should be: the sessions as they were last answered, with what calls did to them.
struct Model {
    desk: Desk,
    memory: Arc<Memory>,
    sessions: Vec<Session>,
    seconds: u64,
    starts: u64,
}

impl Model {
    fn new() -> Self {
        let memory = Arc::default();
        let desk = Desk::on(&memory, 1);
        (0..NUMBERS).for_each(|place| desk.add(pooled(place), "p"));
        Self { desk, memory, sessions: Vec::new(), seconds: 0, starts: 1 }
    }

    fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    fn party(&self, place: usize) -> PhoneNumber {
        number(PARTIES[place])
    }

    fn does(&mut self, deed: Deed) {
        match deed {
            Deed::Create { first, second, is_shared, lasts, terms } => {
                let asked = if is_shared { shared } else { wanted };
                let wanted = Wanted {
                    expires: lasts.map(Expires::In),
                    starts_at: (terms.starts_in > 0).then(|| at(self.seconds + terms.starts_in)),
                    sliding_expiry: terms.sliding,
                    cooloff: terms.cooloff,
                    bind_first_caller: terms.binds,
                    ..asked(PARTIES[first], second.map(|second| PARTIES[second]))
                };
                self.create(wanted, is_shared);
            }
            Deed::ChangeParty { session, is_first, party } => {
                let party = Some(self.party(party));
                let change = match is_first {
                    true => Change { first_party: party, ..Change::default() },
                    false => Change { second_party: party, ..Change::default() },
                };
                self.change(session, change);
            }
            Deed::ChangeNumber { session, is_first, place } => {
                let number = Some(pooled(place));
                let change = match is_first {
                    true => Change { first_party_number: number, ..Change::default() },
                    false => Change { second_party_number: number, ..Change::default() },
                };
                self.change(session, change);
            }
            Deed::ChangeExpiry { session, lasts } => {
                self.change(session, Change { expires: Some(Expires::In(lasts)), ..Change::default() });
            }
            Deed::Reopen { session, lasts } => {
                let expires = Some(Expires::In(lasts));
                self.change(session, Change { reopen: true, expires, ..Change::default() });
            }
            Deed::Close { session } => {
                if let Some(stood) = self.sessions.get_mut(session) {
                    *stood = now(self.desk.sessions.close(stood.id, at(self.seconds))).unwrap();
                }
            }
            Deed::Pass { seconds } => self.seconds += seconds,
            Deed::Call { place, caller } => self.call(pooled(place), self.party(caller)),
            Deed::Restart => self.restart(),
        }
    }

    fn create(&mut self, wanted: Wanted, is_shared: bool) {
        let (first, second) = (wanted.first_party, wanted.second_party);
        match now(self.desk.sessions.create(wanted, None, self.now())) {
            Ok(made) => {
                let [one, other] = made.session.channels();
                assert_eq!(one.0 == other.0, is_shared);
                self.sessions.push(made.session);
            }
            Err(Fault::Invalid { field: "second_party", .. }) => assert_eq!(Some(first), second),
            Err(Fault::PoolExhausted { has, needs, .. }) => {
                let free = |party| -> Vec<PhoneNumber> {
                    (0..NUMBERS).map(pooled).filter(|number| self.is_free(*number, party)).collect()
                };
                let (firsts, seconds) = (free(Some(first)), free(second));
                let mut pairs = firsts.iter().flat_map(|one| seconds.iter().map(move |other| (one, other)));
                assert!(
                    pairs.all(|(one, other)| (one == other) != is_shared),
                    "there would have been numbers"
                );
                assert!(has as u64 == NUMBERS && needs > has);
            }
            Err(fault) => panic!("{fault:?}"),
        }
    }

    fn change(&mut self, session: usize, change: Change) {
        let Some(stood) = self.sessions.get(session).cloned() else { return };
        let moves = [change.first_party_number, change.second_party_number];
        match now(self.desk.sessions.change(stood.id, change.clone(), self.now())) {
            Ok(changed) => {
                assert!(change.expires.is_some() || changed.expires_at == stood.expires_at);
                assert_eq!(changed.first.number, change.first_party.or(stood.first.number));
                assert_eq!(changed.second.number, change.second_party.or(stood.second.number));
                let dials = [(stood.first, changed.first), (stood.second, changed.second)];
                for ((before, after), named) in dials.into_iter().zip(moves) {
                    let stays = self.could_have(session, before.dials, after.number) || before == after;
                    assert!(named.is_some() || !stays || after.dials == before.dials, "it could have stayed");
                }
                self.sessions[session] = changed;
            }
            Err(Fault::Over(status)) => assert_eq!(stood.status(self.now()), status),
            Err(Fault::Invalid { field: "second_party", .. }) => {
                let one = change.first_party.or(stood.first.number);
                assert_eq!(one, change.second_party.or(stood.second.number));
            }
            Err(Fault::Invalid { field: "session_expiry" | "expires_at", .. }) => {
                assert!(change.expires.is_some(), "it was changed");
            }
            Err(Fault::ChannelTaken { number, party, .. }) => {
                assert!(!self.is_free(number, party), "nobody has it");
                let is_new = party == change.first_party || party == change.second_party;
                assert!(
                    change.reopen || moves.contains(&Some(number)) || is_new && stood.pool.is_none(),
                    "another could have been drawn"
                );
            }
            Err(Fault::PoolExhausted { .. }) => {
                let (kept, party) = match change.first_party {
                    Some(first) => (stood.second.dials, first),
                    None => (stood.first.dials, change.second_party.unwrap()),
                };
                let mut others = (0..NUMBERS).map(pooled).filter(|number| *number != kept);
                assert!(stood.pool.is_some());
                assert!(
                    !others.any(|number| self.could_have(session, number, Some(party))),
                    "one could be drawn"
                );
            }
            Err(fault) => panic!("{fault:?}"),
        }
    }

    /// Whether no session has a channel, open or resting.
    fn is_free(&self, number: PhoneNumber, party: Option<PhoneNumber>) -> bool {
        let now = self.now();
        self.sessions.iter().all(|session| !has(session, (number, party), now))
    }

    /// Whether a session could have a channel that it may have already.
    fn could_have(&self, session: usize, number: PhoneNumber, party: Option<PhoneNumber>) -> bool {
        let (now, channel) = (self.now(), (number, party));
        let mut others = self.sessions.iter().enumerate().filter(|(place, _)| *place != session);
        others.all(|(_, other)| !has(other, channel, now))
    }

    /// A call: where it should go, where it goes, what the operator would have been told, and what it leaves.
    fn call(&mut self, dialled: PhoneNumber, caller: PhoneNumber) {
        let (expected, explained) = (self.expected(dialled, caller), self.explained(dialled, caller));
        let question = question(dialled, Some(caller));
        let decision = route::admit(&self.desk.index, &self.desk.book, self.now(), &question);
        assert_eq!(decision.trace(), explained.trace(), "what is explained is what happens");
        let plan = match decision {
            Decision::Bridge(plan) => plan,
            Decision::Refuse(refusal) => {
                assert_eq!(expected, None, "{refusal:?}");
                return assert_eq!(refusal.kind.treatment(), Treatment::Uniform);
            }
            Decision::Ask(_) | Decision::Follow(_) => panic!("no number has a web service"),
        };
        let (place, destination, show) = expected.unwrap_or_else(|| panic!("{plan:?}"));
        assert_eq!((plan.destination, plan.show, plan.dialled), (destination, show, dialled));
        assert_eq!(plan.session, Some(self.sessions[place].id));
        self.leaves(place, &plan);
    }

    /// The only session that a call may go by, whom it reaches, and what is shown there.
    fn expected(
        &self,
        dialled: PhoneNumber,
        caller: PhoneNumber,
    ) -> Option<(usize, PhoneNumber, PhoneNumber)> {
        let now = self.now();
        let takes_calls = |session: &Session| {
            session.starts_at <= now && now < session.expires_at && session.closed_at.is_none()
        };
        let with = |channel| {
            let sessions = self.sessions.iter().enumerate();
            sessions.filter(move |(_, session)| has(session, channel, now))
        };
        if let Some((place, session)) = with((dialled, Some(caller))).next() {
            if !session.channels().contains(&(dialled, Some(caller))) {
                return None;
            }
            let is_first = (session.first.dials, session.first.number) == (dialled, Some(caller));
            let other = if is_first { session.second } else { session.first };
            return other.number.filter(|_| takes_calls(session)).map(|number| (place, number, other.dials));
        }
        let (place, session) = with((dialled, None)).next()?;
        let waits = session.second.dials == dialled && session.second.number.is_none();
        let may = waits
            && takes_calls(session)
            && session.bind_first_caller
            && session.first.number != Some(caller);
        may.then(|| (place, session.first.number.unwrap(), session.first.dials))
    }

    fn explained(&self, dialled: PhoneNumber, caller: PhoneNumber) -> Decision {
        let (desk, from) = (&self.desk, Identity::Known(caller));
        route::explain(&desk.index, &desk.book, from, &dialled.reveal(), self.now())
    }

    /// What the call does to its session is kept in the database, as the journal would do.
    fn leaves(&mut self, place: usize, plan: &Plan) {
        let stood = &mut self.sessions[place];
        let mut entries = Vec::new();
        if plan.binds {
            assert_eq!(stood.second.number, None);
            stood.second.number = plan.caller;
            entries.push(Entry::Bound { session: stood.id, caller: plan.caller.unwrap() });
        }
        let slid = stood.sliding_expiry.map(|seconds| at(self.seconds + u64::from(seconds)));
        assert_eq!(plan.extends, slid.filter(|slid| *slid > stood.expires_at));
        if let Some(expires_at) = plan.extends {
            stood.expires_at = expires_at;
            entries.push(Entry::Extended { session: stood.id, expires_at, version: plan.version });
        }
        now(self.desk.store.keep(&entries)).unwrap();
    }

    /// Another process takes over, with nothing but the database.
    fn restart(&mut self) {
        self.starts += 1;
        self.desk = Desk::on(&self.memory, self.starts);
        let book = Arc::clone(&self.desk.book);
        let mut load = |row| match row {
            Loaded::Session(session) => book.put(&session),
            Loaded::Number(number) => book.put_number(*number),
        };
        now(self.desk.store.load(self.now(), &mut load)).unwrap();
    }

    /// No two sessions that are open or rest have the same channel.
    fn assert_unique(&self) {
        let now = self.now();
        for (place, one) in self.sessions.iter().enumerate() {
            let former = one.former.iter().map(Former::channel);
            let channels: Vec<Channel> =
                former.chain(one.channels()).filter(|channel| has(one, *channel, now)).collect();
            for other in &self.sessions[place + 1..] {
                let shared = channels.iter().find(|channel| has(other, **channel, now));
                assert_eq!(shared, None, "{} and {}", one.id, other.id);
            }
        }
    }
}

/// Whether a session has a channel: it leads into it, rests after its end, or rests since it was changed away.
fn has(session: &Session, channel: Channel, now: Timestamp) -> bool {
    let rests = |former: &Former| former.channel() == channel && former.free_at > now;
    session.free_at() > now && session.channels().contains(&channel) || session.former.iter().any(rests)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_call_reaches_its_own_party(deeds in prop::collection::vec(deed(), 1..80)) {
        let mut model = Model::new();
        for deed in deeds {
            model.does(deed);
            model.assert_unique();
        }
    }

    #[test]
    fn an_explanation_is_the_decision_from_the_source_it_names(
        deeds in prop::collection::vec(deed(), 1..40),
        calls in prop::collection::vec(
            (prop_oneof![(0..NUMBERS).prop_map(|place| pooled(place).reveal()), Just(OPEN.to_owned()),
                Just(MAPPED.to_owned()), Just(SPARE.to_owned()), "[+0-9a-z]{0,14}"],
             proptest::option::of(prop_oneof![(0..PARTIES.len()).prop_map(|party| PARTIES[party].to_owned()),
                Just("+919876500077".to_owned()), Just(SPARE.to_owned())]),
             0_u64..100),
            20,
        ),
        retired in proptest::option::of(0..NUMBERS),
    ) {
        let mut model = Model::new();
        deeds.into_iter().for_each(|deed| model.does(deed));
        if let Some(place) = retired {
            let state = Some(NumberState::Retired);
            let change = NumberChange { state, trunk: Some(Some("other".into())), ..NumberChange::default() };
            let _ = now(model.desk.sessions.change_number(pooled(place), change, model.now()));
        }
        let before: Vec<_> = model.sessions.iter().map(|session| live(&model, session.id)).collect();
        for (to, from, seconds) in calls {
            let from = from.map_or(Identity::Anonymous, |from| Identity::Known(number(&from)));
            let (index, book, moment) = (&model.desk.index, &model.desk.book, at(model.seconds + seconds));
            let explained = route::explain(index, book, from, &to, moment);
            let source = match &explained.trace()[0] {
                Step::FromPhone(_) => Source::Phone(0),
                Step::FromTrunk(name) => Source::Trunk(usize::from(&**name == "other")),
                step => panic!("{step:?}"),
            };
            let asked = route::Question { source, dialled: to, context: None, caller: from };
            prop_assert_eq!(&explained, &route::decide(index, book, moment, &asked));
        }
        let after: Vec<_> = model.sessions.iter().map(|session| live(&model, session.id)).collect();
        prop_assert_eq!(before, after, "explaining leaves no trace");
    }
}

fn live(model: &Model, id: SessionId) -> Option<Arc<maskline::ledger::Live>> {
    model.desk.book.session(id)
}
