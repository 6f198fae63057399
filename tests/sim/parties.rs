//! How calls begin in a test: who dials, who is called, and both connected.

use super::leg::Leg;
use super::scene;
use super::sdp::Sdp;
use super::text::Text;
use super::world::World;

impl World {
    /// The first party's end of a new call to a number, not sent yet.
    pub fn caller(&self, from: &str, number: &str, dialled: &str) -> Leg {
        let (at, token) = (scene::address(from), self.token());
        Leg {
            world: self.clone(),
            at,
            call_id: format!("{token}-call@{}", at.ip()),
            local: format!("<sip:{number}@{}>", at.to_string().rsplit_once(':').unwrap().0),
            tag: format!("{token}-tag"),
            remote: format!("<sip:{dialled}@127.0.0.1>"),
            target: format!("sip:{dialled}@{}", scene::SWITCH),
            cseq: 0,
            invite: None,
            invited: None,
            asked: None,
            media: Sdp::new(&at.ip().to_string(), 40_000),
            contact: format!("<sip:{token}@{at}>"),
            extra: Vec::new(),
            dress: None,
        }
    }

    /// The first party dials a number, through the trunk alpha.
    pub fn dial(&self, dialled: &str) -> Leg {
        let mut leg = self.caller(scene::ALPHA, scene::ALICE, dialled);
        leg.call();
        leg
    }

    /// The next INVITE that reaches an endpoint outside any dialog.
    pub fn incoming(&self, at: &str) -> Leg {
        let at = scene::address(at);
        let is_new = |text: &Text| text.method() == Some("INVITE") && text.to_tag().is_none();
        let invite = self.expect(at, "an INVITE", is_new);
        Leg::invited(self, at, invite)
    }

    /// The next INVITE outside any dialog that has come to an endpoint, if one has.
    pub fn next_incoming(&self, at: &str) -> Option<Leg> {
        let at = scene::address(at);
        let is_new = |text: &Text| text.method() == Some("INVITE") && text.to_tag().is_none();
        let invite = self.edit().take(at, is_new)?;
        Some(Leg::invited(self, at, invite))
    }

    /// A call of the first party that has reached the second.
    pub fn begun(&self) -> (Leg, Leg) {
        let caller = self.dial(scene::M1);
        (caller, self.incoming(scene::BETA))
    }

    /// A call of the first party that rings at the second.
    pub fn ringing(&self) -> (Leg, Leg) {
        let (mut caller, mut callee) = self.begun();
        callee.ring();
        caller.expect(180);
        (caller, callee)
    }

    /// A call of the first party that the second has answered, and that the first has not acknowledged.
    pub fn answered(&self) -> (Leg, Leg) {
        let (mut caller, mut callee) = self.begun();
        callee.answer();
        callee.expect("ACK");
        caller.expect(200);
        (caller, callee)
    }

    /// A call of the first party that the second has answered.
    pub fn established(&self) -> (Leg, Leg) {
        let (caller, callee) = self.begun();
        connect(caller, callee)
    }
}

impl Leg {
    /// What a callee does whose caller has given up.
    pub fn stop_ringing(&mut self) {
        self.expect("CANCEL");
        self.ok();
        self.say(487);
        self.expect("ACK");
    }
}

/// Rings and answers.
pub fn connect(mut caller: Leg, mut callee: Leg) -> (Leg, Leg) {
    callee.ring();
    caller.expect(180);
    callee.answer();
    caller.expect(200);
    caller.ack();
    callee.expect("ACK");
    (caller, callee)
}
