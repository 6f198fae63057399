//! A world whose parties are full of tokens, and the search of all that left the switch.

use maskline::base::Side;

use super::canary::{Canary, Needles, Token, Value, report};
use super::leg::Leg;
use super::parties::connect;
use super::scene::{AGENT, ALICE, ALPHA, BETA, BOB, M1, M2, SETTINGS, SWITCH, address};
use super::sdp::Sdp;
use super::world::World;

/// A world whose parties are full of tokens. Side A is the first party, whoever of the two calls.
pub struct Aviary {
    pub world: World,
    pub canary: Canary,
}

/// A party: its side, its number, where it is, and the masking number that it dials.
const PARTIES: [(Side, &str, &str, &str); 2] = [(Side::A, ALICE, ALPHA, M1), (Side::B, BOB, BETA, M2)];

impl Aviary {
    pub fn new() -> Self {
        Self::with(SETTINGS)
    }

    pub fn with(settings: &str) -> Self {
        let canary = Canary::default();
        for (side, number, at, dials) in PARTIES {
            canary.own(side, "real number", Value::Number(number[1..].into()));
            canary.own(side, "number dialled", Value::Number(dials[1..].into()));
            let ip = address(at).ip().to_string();
            canary.own(side, "address", Value::Verbatim(format!("{ip}:")));
            canary.own(side, "address in SDP", Value::Verbatim(format!("IP4 {ip}\r")));
        }
        Self { world: World::with(settings, 7), canary }
    }

    /// Makes the product a faulty one: into each message to a side it copies all that the other side has said since
    /// the last one.
    pub fn leak(&self) {
        let mut copied = [0, 0];
        self.world.edit().fault = Some(Box::new(move |sent, to, bytes| {
            let side = if to == address(ALPHA) { Side::A } else { Side::B };
            let other = address(PARTIES[side.other().index()].2);
            let start = std::mem::replace(&mut copied[side.index()], sent.len());
            let said = sent[start..].iter().filter(|datagram| datagram.from == other);
            let said: Vec<u8> = said.flat_map(|datagram| datagram.bytes.clone()).collect();
            let said = String::from_utf8_lossy(&said).replace(['\r', '\n'], " ");
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            [&bytes[..end], b"X-Leak: ", said.as_bytes(), b"\r\n", &bytes[end..]].concat()
        }));
    }

    /// A party's end of a call that it makes, not sent yet.
    pub fn caller(&self, side: Side) -> Leg {
        let (_, number, at, dials) = PARTIES[side.index()];
        let mut caller = self.world.caller(at, number, dials);
        let word = |field: &str| self.canary.word(side, field);
        self.canary.dress(side, &mut caller);
        caller.extra = vec![(
            "P-Asserted-Identity".into(),
            format!("\"{}\" <sip:{number}@{}.example;{}>", word("PAI name"), word("PAI host"), word("PAI")),
        )];
        let (routed, isub) = (self.canary.number(side, "Request-URI rn"), word("Request-URI isub"));
        let extension = self.canary.digits(side, "Request-URI ext");
        caller.target = format!(
            "sip:{dials};npdi;rn={routed};cic={};isub={isub};ext={extension}@{SWITCH};user=phone;tgrp={};otg={};cpc={};\
             oli={};verstat={};phone-context={}",
            word("Request-URI cic"),
            word("Request-URI tgrp"),
            word("Request-URI otg"),
            word("Request-URI cpc"),
            word("Request-URI oli"),
            word("Request-URI verstat"),
            word("Request-URI phone-context"),
        );
        caller
    }

    /// The end of the party that is called.
    pub fn callee(&self, side: Side) -> Leg {
        let mut callee = self.world.incoming(PARTIES[side.index()].2);
        self.canary.dress(side, &mut callee);
        callee.extra = vec![(
            "P-Asserted-Identity".into(),
            format!(
                "\"{}\" <sip:{}@{}.example>",
                self.canary.word(side, "PAI name"),
                self.canary.number(side, "PAI number"),
                self.canary.word(side, "PAI host"),
            ),
        )];
        callee
    }

    /// A call that a party has sent, and the end of the one that it reaches.
    pub fn call(&self, from: Side) -> (Leg, Leg) {
        let mut caller = self.caller(from);
        caller.call();
        (caller, self.callee(from.other()))
    }

    /// A call that was answered: the caller's end and the callee's.
    pub fn established(&self, from: Side) -> (Leg, Leg) {
        let (caller, callee) = self.call(from);
        connect(caller, callee)
    }

    /// The side that a leg of a trunk is on.
    pub fn side_of(leg: &Leg) -> Side {
        if leg.at == address(ALPHA) { Side::A } else { Side::B }
    }

    /// What the switch sent to a side.
    fn sent_to(&self, side: Side) -> Vec<u8> {
        let inner = self.world.get();
        let is_at = |at: std::net::SocketAddr| {
            at != address(SWITCH) && [ALPHA, AGENT].map(address).contains(&at) == (side == Side::A)
        };
        let sent = inner.wire.iter().filter(|datagram| is_at(datagram.to));
        sent.flat_map(|datagram| [&datagram.bytes[..], b"\0\0"].concat()).collect()
    }

    /// What crossed to a side of the other's tokens.
    pub fn crossed_to(&self, side: Side) -> Vec<Token> {
        let others = self.canary.of(side.other());
        let found = Needles::new(&others).search(&self.sent_to(side));
        found.into_keys().map(|place| others[place].clone()).collect()
    }

    /// All that was found where it must not be, a line each.
    pub fn found(&self) -> String {
        let tokens = self.canary.tokens();
        let needles = Needles::new(&tokens);
        let mut text = String::new();
        let mut look = |bytes: &[u8], counts: &dyn Fn(&Token) -> bool| {
            let mut found = needles.search(bytes);
            found.retain(|place, _| counts(&tokens[*place]));
            text += &report(&found, &tokens);
        };
        for side in [Side::A, Side::B] {
            look(&self.sent_to(side), &|token| token.side == side.other());
        }
        look(self.world.logs().as_bytes(), &|_| true);
        // Names of phones and trunks are the operator's own, and stand in the record.
        for record in &self.world.get().records {
            let mut record = serde_json::to_value(record).unwrap();
            for declared in ["dialled", "caller", "destination", "shown"] {
                record.as_object_mut().unwrap().remove(declared).unwrap();
            }
            look(record.to_string().as_bytes(), &|token| token.field != "phone's name");
        }
        text
    }

    /// Ends what is left, and looks for every token.
    pub fn check(&self) {
        self.world.settle();
        let found = self.found();
        assert!(found.is_empty(), "tokens crossed:\n{found}\n{}", self.world.ladder());
        assert!(!self.world.get().records.is_empty(), "the call left a record");
    }
}

/// One side asks for other media by INVITE, and the other takes part in it as it is asked to.
pub fn change_by_invite(leg: &mut Leg, other: &mut Leg, media: Sdp) {
    leg.reinvite(media);
    take_part(other);
    leg.expect(200);
    leg.ack();
}

/// One side asks for other media by UPDATE.
pub fn change_by_update(leg: &mut Leg, other: &mut Leg, media: Sdp) {
    leg.update(media);
    take_part(other);
    leg.expect(200);
}

fn take_part(other: &mut Leg) {
    if other.is_invited() {
        other.answer();
        other.expect("ACK");
    }
}
