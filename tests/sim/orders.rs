//! Orders to connect two parties, and how they go.

use std::time::Duration;

use maskline::base::{PhoneNumber, Side, Timestamp};
use maskline::call::Order;
use maskline::ledger::{Book, CallRecord};
use maskline::relay::{Digit, Event, Sound};
use maskline::route::{self, Errand};
use maskline::switch::Command;

use super::leg::Leg;
use super::scene;
use super::world::World;

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

impl World {
    /// An order to connect the first party and the second, both of whom see [`scene::M1`]; no key is asked for.
    pub fn order(&self) -> Order {
        self.order_for(scene::ALICE, scene::BOB)
    }

    pub fn order_for(&self, first: &str, second: &str) -> Order {
        let index = self.get().policy.index.clone();
        let ([first, second], sees) = ([first, second].map(number), [number(scene::M1); 2]);
        let errand = Errand { parties: [first, second], sees, session: None, is_way_back: false };
        let placed = route::place(&index, &Book::new(), Timestamp::default(), &errand);
        let placed = placed.expect("an order that can be placed");
        Order {
            id: "order-1".into(),
            first,
            second,
            sees,
            first_target: placed.first,
            second_target: placed.second,
            index,
            session: None,
            is_way_back: false,
            ring_timeout: Duration::from_secs(30),
            time_limit: Duration::from_secs(600),
            confirm: false,
            retries: 0,
            pause: Duration::from_secs(10),
            trace: placed.trace,
        }
    }

    pub fn place(&self, order: Order) {
        self.command(Command::Call(Box::new(order)));
    }

    /// The first party's telephone rings for an order.
    pub fn summon(&self, order: Order) -> Leg {
        self.place(order);
        let mut first = self.incoming(scene::ALPHA);
        first.ring();
        first
    }

    /// The first party has answered and the second's telephone rings.
    pub fn reach(&self, order: Order) -> (Leg, Leg) {
        let mut first = self.summon(order);
        first.answer();
        first.expect("ACK");
        let mut second = self.incoming(scene::BETA);
        second.ring();
        self.pass(Duration::from_millis(100));
        (first, second)
    }

    /// Both parties of an order talk.
    pub fn bridged(&self, order: Order) -> (Leg, Leg) {
        let (first, mut second) = self.reach(order);
        second.answer();
        second.expect("ACK");
        (first, second)
    }

    /// The first party presses a key, as the media engine hears it.
    pub fn press(&self, key: char) {
        let digit = Digit::from_char(key).unwrap();
        let duration = Duration::from_millis(100);
        self.tell(|relay| Event::Digit { relay, from: Side::A, digit, duration });
    }

    /// What the first party hears of the engine itself.
    pub fn sound(&self) -> Option<Sound> {
        self.relay().sounds[Side::A.index()].clone()
    }

    /// How far the one call has come, each time it was told.
    pub fn told(&self) -> Vec<CallRecord> {
        self.get().progress.iter().map(|(_, record)| record.clone()).collect()
    }

    /// The operator hangs up the call that was told of last.
    pub fn operator_hangs_up(&self) {
        let call = self.get().progress.last().expect("a call was told of").0;
        self.command(Command::HangUp { call });
    }

    /// How many INVITEs outside a dialog have come to an endpoint.
    pub fn invites(&self, at: &str) -> usize {
        let is_new = |text: &super::Text| text.method() == Some("INVITE") && text.to_tag().is_none();
        self.received(at).iter().filter(|text| is_new(text)).count()
    }
}
