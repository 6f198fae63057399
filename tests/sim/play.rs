//! One script, played by quite different people: they differ in number, address, transport, device, wording and
//! numbering, and make the same choices.

use std::rc::Rc;
use std::time::Duration;

use super::draft::Draft;
use super::leg::Leg;
use super::parties::connect;
use super::scene::{ALICE, ALPHA, BETA, BOB, M1, SETTINGS, address, with_trunk_key};
use super::sdp::Sdp;
use super::world::World;

/// One way of being a party.
#[derive(Clone, Copy)]
pub struct Person {
    pub number: &'static str,
    pub at: &'static str,
    pub is_odd: bool,
    /// Its messages travel by TCP.
    pub is_on_tcp: bool,
}

pub const CALLERS: [Person; 3] = [
    Person { number: ALICE, at: ALPHA, is_odd: false, is_on_tcp: false },
    Person { number: "+919899900011", at: "127.0.0.7:5066", is_odd: true, is_on_tcp: false },
    Person { number: "+919899900011", at: "127.0.0.17:5070", is_odd: true, is_on_tcp: true },
];
pub const CALLEES: [Person; 3] = [
    Person { number: BOB, at: BETA, is_odd: false, is_on_tcp: false },
    Person { number: "+919700000000", at: "127.0.0.8:5068", is_odd: true, is_on_tcp: false },
    Person { number: "+919712345678", at: "127.0.0.18:5080", is_odd: true, is_on_tcp: true },
];

/// A caller's person and a callee's in a world.
pub struct Play {
    pub world: World,
    pub caller: Person,
    pub callee: Person,
}

impl Play {
    pub fn new(caller: Person, callee: Person, early_media: bool) -> Self {
        let settings =
            if early_media { with_trunk_key("beta", "early_media = \"relay\"") } else { SETTINGS.to_owned() };
        let ip = |at: &str| address(at).ip().to_string();
        let settings = settings
            .replace(ALICE, caller.number)
            .replace(BOB, callee.number)
            .replace(&format!("{}/32", ip(ALPHA)), &format!("{}/32", ip(caller.at)))
            .replace(&format!("{}/32", ip(BETA)), &format!("{}/32", ip(callee.at)))
            .replace(&format!("sip:{ALPHA}"), &caller.target())
            .replace(&format!("sip:{BETA}"), &callee.target());
        let world = World::with(&settings, 3);
        for person in [caller, callee].iter().filter(|person| person.is_on_tcp) {
            world.connect(person.at);
        }
        Self { world, caller, callee }
    }

    pub fn caller(&self) -> Leg {
        self.dials(self.caller, M1)
    }

    /// A person's end of a new call, not sent yet.
    pub fn dials(&self, person: Person, dialled: &str) -> Leg {
        let mut leg = self.world.caller(person.at, person.number, dialled);
        person.dress(&mut leg);
        leg
    }

    pub fn callee(&self) -> Leg {
        let mut leg = self.world.incoming(self.callee.at);
        self.callee.dress(&mut leg);
        leg
    }

    /// The caller's end where it is called first.
    pub fn first(&self) -> Leg {
        let mut leg = self.world.incoming(self.caller.at);
        self.caller.dress(&mut leg);
        leg
    }

    pub fn established(&self) -> (Leg, Leg) {
        let mut caller = self.caller();
        caller.call();
        connect(caller, self.callee())
    }

    /// Either of two statuses that mean the same, of the callee.
    pub fn either(&self, plain: u16, odd: u16) -> u16 {
        if self.callee.is_odd { odd } else { plain }
    }

    /// Either of two statuses that mean the same, of the caller.
    pub fn either_of_caller(&self, plain: u16, odd: u16) -> u16 {
        if self.caller.is_odd { odd } else { plain }
    }

    pub fn pass(&self, seconds: u64) {
        self.world.pass(Duration::from_secs(seconds));
    }
}

impl Person {
    fn target(self) -> String {
        format!("sip:{}{}", self.at, if self.is_on_tcp { ";transport=tcp" } else { "" })
    }

    /// Lets all that a leg says sound like this person.
    fn dress(self, leg: &mut Leg) {
        if !self.is_odd {
            return;
        }
        let uri = leg.local.trim_matches(['<', '>']).to_owned();
        if leg.invited.is_none() {
            leg.local = format!("\"Odd, \\\"O\\\" Person\" <{uri};user=phone>");
            leg.call_id = format!("{}-much-longer-than-the-other@odd.example", leg.call_id);
        }
        leg.contact = format!("\"Odd\" <sip:odd@{};ob>;+sip.instance=\"<urn:uuid:0>\";q=0.2", leg.at);
        leg.cseq += 5_000;
        leg.dress = Some(Rc::new(odd));
    }
}

/// The same message, as another device would write it.
fn odd(draft: Draft) -> Draft {
    let mut draft = draft;
    draft.start = draft.start.replace("Whatever", "Nothing like it in any language");
    let is_description = draft.get("Content-Type") == Some("application/sdp");
    let draft = draft
        .with("User-Agent", "Odd/7.7 (of 1999)")
        .with("Server", "Odd/7.7")
        .with("Organization", "The Odd Company")
        .with("X-Odd", "+919700000000")
        .with("Supported", "timer, 100rel, replaces, gruu")
        .with("Allow", "UPDATE, INFO, INVITE, ACK, BYE, CANCEL, REFER, PRACK")
        .with("P-Asserted-Identity", "\"Odd\" <sip:+919899900011@odd.example>")
        .with("Route", "<sip:odd.example;lr>")
        .with("RSeq", "99999")
        .with("Session-ID", "0ddf81d4fae7dec11d0a765")
        .with("Refer-To", "<sip:+919700000000@odd.example>")
        .with("Referred-By", "<sip:+919700000000@odd.example>")
        .with("Date", "Sat, 13 Nov 2010 23:29:00 GMT")
        .with("Warning", "399 odd.example \"odd\"")
        .with("Reason", "SIP;cause=600;text=\"odd\"")
        .with("Retry-After", "99999 (odd)");
    if !is_description {
        return draft;
    }
    let sdp = String::from_utf8(draft.body.clone()).unwrap();
    let sdp = sdp
        .replace("o=ua 4711", "o=odd 99999999999")
        .replace("s=-", "s=Odd talk\r\ni=odd\r\nb=AS:64")
        .replace("m=audio 40000", "m=audio 61000")
        .replace("m=audio 50000", "m=audio 62000")
        .replace(" 101\r\n", " 99\r\n")
        .replace("a=rtpmap:101 ", "a=ssrc:1 cname:odd\r\na=rtcp:61009\r\na=rtpmap:99 ")
        .replace("a=rtpmap:0 PCMU", "a=rtpmap:0 pcmu");
    draft.sdp(sdp)
}

/// One side asks for other media by INVITE, and the other takes part in it as it is asked to.
pub fn change(leg: &mut Leg, other: &mut Leg, media: Sdp) {
    leg.reinvite(media);
    if other.is_invited() {
        other.answer();
        other.expect("ACK");
    }
    leg.expect(200);
    leg.ack();
}

/// The callee does not take the call.
pub fn failure(play: &Play, status: u16) {
    let mut caller = play.caller();
    caller.call();
    let mut callee = play.callee();
    callee.say(status);
    callee.expect("ACK");
    play.world.pass(Duration::from_secs(1));
}
