//! One end of a dialog with the switch: what a caller or a callee does, a line each in a test.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::draft::Draft;
use super::sdp::Sdp;
use super::text::{Text, between};
use super::world::World;

/// What an endpoint waits for: a status, or the method of a request.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    Status(u16),
    Request(&'static str),
}

impl From<u16> for Want {
    fn from(status: u16) -> Self {
        Want::Status(status)
    }
}

impl From<&'static str> for Want {
    fn from(method: &'static str) -> Self {
        Want::Request(method)
    }
}

/// What is done to a message before it goes out.
pub type Dress = Rc<dyn Fn(Draft) -> Draft>;

/// One end of a dialog.
pub struct Leg {
    pub world: World,
    pub at: SocketAddr,
    pub call_id: String,
    /// Our address as From writes it, and our tag.
    pub local: String,
    pub tag: String,
    /// The switch's address as To writes it, with its tag once it is known.
    pub remote: String,
    /// Where requests go: the Request-URI.
    pub target: String,
    pub cseq: u32,
    /// The INVITE that we sent last.
    pub invite: Option<Draft>,
    /// The INVITE that we received last.
    pub invited: Option<Text>,
    /// The request that we received last.
    pub asked: Option<Text>,
    /// What we say of our media.
    pub media: Sdp,
    /// The value of our Contact.
    pub contact: String,
    /// Headers that each message of ours carries.
    pub extra: Vec<(String, String)>,
    pub dress: Option<Dress>,
}

impl Leg {
    /// The end of the one who is called.
    pub fn invited(world: &World, at: SocketAddr, invite: Text) -> Self {
        let token = world.token();
        Self {
            world: world.clone(),
            at,
            call_id: invite.call_id().to_owned(),
            local: invite.header("To").to_owned(),
            tag: format!("{token}-tag"),
            remote: invite.header("From").to_owned(),
            target: invite.contact().to_owned(),
            cseq: 100,
            invite: None,
            invited: Some(invite.clone()),
            asked: Some(invite),
            media: Sdp::new(&at.ip().to_string(), 50_000),
            contact: format!("<sip:{token}@{at}>"),
            extra: Vec::new(),
            dress: None,
        }
    }

    fn own(&self) -> String {
        format!("{};tag={}", self.local, self.tag)
    }

    /// A request of ours: the next in the dialog, or the first of it.
    pub fn request(&mut self, method: &str) -> Draft {
        self.cseq += 1;
        self.numbered(method, self.cseq)
    }

    /// A request with a CSeq number of its own.
    pub fn numbered(&self, method: &str, cseq: u32) -> Draft {
        let via = format!("SIP/2.0/{} {};branch=z9hG4bK{}", self.transport(), self.at, self.world.token());
        Draft::new(format!("{method} {} SIP/2.0", self.target))
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", self.own())
            .with("To", &self.remote)
            .with("Call-ID", &self.call_id)
            .with("CSeq", format!("{cseq} {method}"))
            .with("Contact", &self.contact)
            .with_all(&self.extra)
    }

    fn transport(&self) -> &'static str {
        let has_used_it =
            || self.invite.as_ref().is_some_and(|draft| draft.get("Via").unwrap().contains("TCP"));
        if self.world.get().is_connected(self.at) || has_used_it() { "TCP" } else { "UDP" }
    }

    /// An INVITE with our media; it is what ACK and CANCEL refer to.
    pub fn invite(&mut self) -> Draft {
        let media = self.media.clone();
        self.request("INVITE").sdp(media)
    }

    pub fn send(&mut self, draft: Draft) {
        let draft = self.dress.as_ref().map_or_else(|| draft.clone(), |dress| dress(draft.clone()));
        if draft.start.starts_with("INVITE ") {
            self.invite = Some(draft.clone());
        }
        self.world.send(self.at, draft.bytes());
    }

    /// Sends an INVITE with our media: a call, or a change of it.
    pub fn call(&mut self) {
        let invite = self.invite();
        self.send(invite);
    }

    /// Asks for other media in the dialog.
    pub fn reinvite(&mut self, media: Sdp) {
        self.media = media;
        self.call();
    }

    pub fn update(&mut self, media: Sdp) {
        self.media = media.clone();
        let update = self.request("UPDATE").sdp(media);
        self.send(update);
    }

    /// The ACK of the 2xx of our last INVITE.
    pub fn ack_draft(&self) -> Draft {
        let invite = self.invite.as_ref().expect("an INVITE went out");
        let cseq = invite.get("CSeq").unwrap().split(' ').next().unwrap().parse().unwrap();
        self.numbered("ACK", cseq)
    }

    pub fn ack(&mut self) {
        let ack = self.ack_draft();
        self.send(ack);
    }

    /// A request of our last INVITE's transaction: its CANCEL, or the ACK of its failure.
    fn of_invite(&self, method: &str, to: &str) -> Draft {
        let invite = self.invite.as_ref().expect("an INVITE went out");
        let get = |name: &str| invite.get(name).unwrap().to_owned();
        let cseq = get("CSeq").replace("INVITE", method);
        let uri = invite.start.split(' ').nth(1).unwrap();
        Draft::new(format!("{method} {uri} SIP/2.0"))
            .with("Via", get("Via"))
            .with("Max-Forwards", "70")
            .with("From", get("From"))
            .with("To", to)
            .with("Call-ID", get("Call-ID"))
            .with("CSeq", cseq)
    }

    pub fn cancel_draft(&self) -> Draft {
        let to = self.invite.as_ref().expect("an INVITE went out").get("To").unwrap().to_owned();
        self.of_invite("CANCEL", &to).with_all(&self.extra)
    }

    pub fn cancel(&mut self) {
        let cancel = self.cancel_draft();
        self.send(cancel);
    }

    pub fn bye(&mut self) {
        let bye = self.request("BYE");
        self.send(bye);
    }

    /// A response to a request that we received.
    pub fn response(&self, request: &Text, status: u16) -> Draft {
        let mut draft = Draft::new(format!("SIP/2.0 {status} Whatever"));
        for via in request.all("Via") {
            draft = draft.with("Via", via);
        }
        let to = request.header("To");
        let to = if request.to_tag().is_some() || status == 100 {
            to.to_owned()
        } else {
            format!("{to};tag={}", self.tag)
        };
        draft
            .with("From", request.header("From"))
            .with("To", to)
            .with("Call-ID", request.call_id())
            .with("CSeq", request.header("CSeq"))
            .with("Contact", &self.contact)
            .with_all(&self.extra)
    }

    fn invite_response(&self, status: u16) -> Draft {
        self.response(self.invited.as_ref().expect("an INVITE came"), status)
    }

    /// Answers the INVITE that came last.
    pub fn say(&mut self, status: u16) {
        let response = self.invite_response(status);
        self.send(response);
    }

    /// Answers the INVITE that came last, with our media.
    pub fn say_with_media(&mut self, status: u16) {
        let response = self.invite_response(status).sdp(&self.media);
        self.send(response);
    }

    pub fn ring(&mut self) {
        self.say(180);
    }

    /// Answers the INVITE that came last with 200 and our media.
    pub fn answer(&mut self) {
        self.say_with_media(200);
    }

    /// Answers the request that came last, whatever it was.
    pub fn reply(&mut self, status: u16) {
        let response = self.response(self.asked.as_ref().expect("a request came"), status);
        self.send(response);
    }

    pub fn ok(&mut self) {
        self.reply(200);
    }

    /// Whether a message that came to an address is for this end.
    pub fn is_addressed(&self, at: SocketAddr, text: &Text) -> bool {
        self.at == at && self.is_mine(text)
    }

    fn is_mine(&self, text: &Text) -> bool {
        let tag = if text.status().is_some() { text.from_tag() } else { text.to_tag() };
        let is_forks = || self.invited.is_some() && text.cseq_method() == "CANCEL";
        let is_same_call = text.get("Call-ID") == Some(&self.call_id) && text.get("CSeq").is_some();
        is_same_call && (tag.is_none_or(|tag| tag == self.tag) || is_forks())
    }

    /// Another end that the same INVITE reached, as by a forking proxy on its way.
    pub fn fork(&self) -> Self {
        Self::invited(&self.world, self.at, self.invited.clone().expect("an INVITE came"))
    }

    fn fits(&self, want: Want, text: &Text) -> bool {
        self.is_mine(text)
            && match want {
                Want::Status(status) => text.status() == Some(status),
                Want::Request(method) => text.method() == Some(method),
            }
    }

    /// Waits for a message of this dialog, and takes note of it; a failure of our INVITE is acknowledged.
    pub fn expect(&mut self, want: impl Into<Want>) -> Text {
        let want = want.into();
        let text = self.world.expect(self.at, &format!("{want:?}"), |text| self.fits(want, text));
        if let (Some("ACK"), Some(invited)) = (text.method(), &self.invited) {
            assert_eq!(text.cseq(), invited.cseq(), "an ACK has its INVITE's number");
        }
        self.note(&text);
        text
    }

    /// What has come of this kind and was not read yet.
    pub fn unread(&mut self, want: impl Into<Want>) -> Option<Text> {
        let want = want.into();
        let text = self.world.unread(self.at, |text| self.fits(want, text));
        text.inspect(|text| self.note(text))
    }

    /// Reads one message of this dialog, whatever it is; false where there is none.
    pub fn read_any(&mut self) -> bool {
        let text = self.world.unread(self.at, |text| self.is_mine(text));
        text.inspect(|text| self.note(text)).is_some()
    }

    /// Nothing of this kind comes for a time; what has come before counts too.
    pub fn refute(&mut self, want: impl Into<Want>, time: Duration) {
        let want = want.into();
        self.world.pass(time);
        if let Some(text) = self.world.unread(self.at, |text| self.fits(want, text)) {
            panic!("{} got what it should not: {text}\n{}", self.at, self.world.ladder());
        }
    }

    fn note(&mut self, text: &Text) {
        match text.status() {
            None => {
                if text.method() == Some("INVITE") {
                    self.invited = Some(text.clone());
                }
                if text.method() != Some("ACK") {
                    self.asked = Some(text.clone());
                }
                if text.get("Contact").is_some() {
                    self.target = text.contact().to_owned();
                }
            }
            Some(status) if text.cseq_method() == "INVITE" && (200..300).contains(&status) => {
                self.remote = text.header("To").to_owned();
                self.target = text.contact().to_owned();
            }
            Some(status) if text.cseq_method() == "INVITE" && status >= 300 => {
                let ack = self.of_invite("ACK", text.header("To"));
                self.send(ack);
            }
            Some(_) => {}
        }
    }

    /// Takes note of a final response to our INVITE, and gives its ACK.
    pub fn acknowledge(&mut self, text: &Text) -> Draft {
        if text.status().is_some_and(|status| status >= 300) {
            return self.of_invite("ACK", text.header("To"));
        }
        self.note(text);
        self.numbered("ACK", text.cseq())
    }

    /// Lets two seconds pass at most, until an INVITE comes; false where none does.
    pub fn is_invited(&mut self) -> bool {
        for _ in 0..20 {
            if self.unread("INVITE").is_some() {
                return true;
            }
            self.world.pass(Duration::from_millis(100));
        }
        false
    }

    /// Hangs up, and the other side takes it.
    pub fn hang_up(&mut self, other: &mut Self) {
        self.bye();
        self.expect(200);
        other.expect("BYE");
        other.ok();
    }
}

/// The tag in the value of From or To.
pub fn tag_of(value: &str) -> &str {
    super::text::after(value, ";tag=").expect("a tag")
}

/// The user part of the URI in a From, To or Contact.
pub fn user_of(value: &str) -> &str {
    let uri = between(value, '<', '>');
    between(uri, ':', '@')
}
