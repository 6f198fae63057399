//! A media engine that only keeps books: it gives ports, notes what it is told, and answers.

use std::collections::BTreeMap;
use std::time::Duration;

use maskline::base::Side;
use maskline::relay::{Command, Digit, Endpoint, Event, Keys, Quality, RelayId, Sound};

/// One relay as it was last told to be.
#[derive(Debug, Default, Clone)]
pub struct RelayState {
    pub ports: [u16; 2],
    pub sides: [Endpoint; 2],
    pub silence: Duration,
    pub digits: Vec<(Side, Digit, Duration)>,
    /// What each side hears of the engine itself.
    pub sounds: [Option<Sound>; 2],
    /// What becomes of each side's keys.
    pub keys: [Keys; 2],
    /// How often each side was told anew.
    pub sets: usize,
}

/// The engine.
pub struct Engine {
    pub open: BTreeMap<RelayId, RelayState>,
    /// Relays that were closed, as they were last.
    pub closed: Vec<RelayState>,
    next_port: u16,
    /// No port is free.
    pub is_full: bool,
    /// It never tells of a relay's end.
    pub is_mute: bool,
}

impl Engine {
    pub fn new() -> Self {
        Self { open: BTreeMap::new(), closed: Vec::new(), next_port: 20_000, is_full: false, is_mute: false }
    }

    /// What it answers to a command.
    pub fn handle(&mut self, command: Command) -> Option<Event> {
        match command {
            Command::Open { relay, .. } if self.is_full => Some(Event::Refused { relay }),
            Command::Open { relay, silence, .. } => {
                let ports = [self.next_port, self.next_port + 2];
                self.next_port = 20_000 + (self.next_port - 20_000 + 4) % 10_000;
                let state = RelayState { ports, silence, ..RelayState::default() };
                assert!(self.open.insert(relay, state).is_none(), "a relay was opened twice");
                Some(Event::Opened { relay, ports })
            }
            Command::Set { relay, side, endpoint } => {
                let state = self.relay(relay);
                state.sides[side.index()] = endpoint;
                state.sets += 1;
                None
            }
            Command::Silence { relay, after } => {
                self.relay(relay).silence = after;
                None
            }
            Command::Digit { relay, to, digit, duration } => {
                self.relay(relay).digits.push((to, digit, duration));
                None
            }
            Command::Play { relay, to, what } => {
                self.relay(relay).sounds[to.index()] = Some(what);
                None
            }
            Command::Stop { relay, to } => {
                self.relay(relay).sounds[to.index()] = None;
                None
            }
            Command::Listen { relay, from, keys } => {
                self.relay(relay).keys[from.index()] = keys;
                None
            }
            Command::Move { relay, .. } if self.is_full => Some(Event::Refused { relay }),
            Command::Move { relay, side, .. } => {
                let port = self.next_port;
                self.next_port = 20_000 + (port - 20_000 + 4) % 10_000;
                let state = self.relay(relay);
                state.ports[side.index()] = port;
                Some(Event::Opened { relay, ports: state.ports })
            }
            Command::Close { relay } => {
                let state = self.open.remove(&relay).expect("a relay that is closed is open");
                self.closed.push(state);
                let quality = [Quality::default(); 2];
                (!self.is_mute).then_some(Event::Closed { relay, quality })
            }
        }
    }

    fn relay(&mut self, relay: RelayId) -> &mut RelayState {
        self.open.get_mut(&relay).expect("a relay that is told something is open")
    }
}
