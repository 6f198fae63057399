//! A softphone that registers, and answers challenges.

use std::net::SocketAddr;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::draft::Draft;
use super::leg::Leg;
use super::scene;
use super::text::Text;
use super::world::World;

/// A softphone, outside any call.
pub struct Phone {
    pub world: World,
    pub at: SocketAddr,
    pub username: String,
    pub password: String,
    pub call_id: String,
    pub cseq: u32,
    pub uses: &'static str,
}

impl World {
    /// A softphone at an address, not registered yet.
    pub fn phone(&self, username: &str, at: &str) -> Phone {
        Phone {
            world: self.clone(),
            at: scene::address(at),
            username: username.into(),
            password: format!("{username}-demo-password"),
            call_id: format!("{}-register", self.token()),
            cseq: 0,
            uses: "MD5",
        }
    }
}

impl Phone {
    /// The URI of its one contact.
    pub fn contact(&self) -> String {
        format!("sip:{}@{}", self.username, self.at)
    }

    pub fn request(&mut self, method: &str) -> Draft {
        self.cseq += 1;
        let Self { world, at, username, call_id, cseq, .. } = self;
        Draft::new(format!("{method} sip:127.0.0.1 SIP/2.0"))
            .with("Via", format!("SIP/2.0/UDP {at};branch=z9hG4bK{};rport", world.token()))
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{username}@127.0.0.1>;tag={call_id}"))
            .with("To", format!("<sip:{username}@127.0.0.1>"))
            .with("Call-ID", call_id.clone())
            .with("CSeq", format!("{cseq} {method}"))
    }

    /// Sends a request and gives its final response.
    pub fn ask(&self, draft: &Draft) -> Text {
        self.world.send(self.at, draft.bytes());
        let cseq = draft.get("CSeq").unwrap().to_owned();
        self.world.expect(self.at, &format!("a response to {cseq}"), |text| {
            text.status().is_some_and(|status| status >= 200) && text.get("CSeq") == Some(&cseq)
        })
    }

    /// Sends a REGISTER with these headers, answers the challenge, and gives what comes then.
    pub fn register_with(&mut self, headers: &[(&str, &str)]) -> Text {
        let add = |draft: Draft| headers.iter().fold(draft, |draft, (name, value)| draft.with(name, *value));
        let first = add(self.request("REGISTER"));
        let challenge = self.ask(&first);
        assert_eq!(challenge.status(), Some(401), "{challenge}");
        let authorization = self.proof(&challenge, "REGISTER", "sip:127.0.0.1");
        let second = add(self.request("REGISTER")).with("Authorization", authorization);
        self.ask(&second)
    }

    /// Registers its one contact for an hour.
    pub fn register(&mut self) -> Text {
        let contact = format!("<{}>", self.contact());
        let text = self.register_with(&[("Contact", &contact), ("Expires", "3600")]);
        assert_eq!(text.status(), Some(200), "{text}");
        text
    }

    /// The value of Authorization that answers a challenge.
    pub fn proof(&self, challenge: &Text, method: &str, uri: &str) -> String {
        let wanted = format!("algorithm={}", self.uses);
        let offered = challenge.all("WWW-Authenticate").find(|value| value.contains(&wanted));
        let offered = offered.unwrap_or_else(|| panic!("no {} in {challenge}", self.uses));
        let (realm, nonce) = (quoted(offered, "realm"), quoted(offered, "nonce"));
        self.answer(realm, nonce, 1, method, uri)
    }

    /// The value of Authorization for a nonce that is used for the `count`th time.
    pub fn answer(&self, realm: &str, nonce: &str, count: u32, method: &str, uri: &str) -> String {
        let Self { username, password, uses, .. } = self;
        let secret = self.hash(&format!("{username}:{realm}:{password}"));
        let request = self.hash(&format!("{method}:{uri}"));
        let response = self.hash(&format!("{secret}:{nonce}:{count:08x}:c0ffee:auth:{request}"));
        format!(
            "Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={uses}, cnonce=\"c0ffee\", qop=auth, nc={count:08x}"
        )
    }

    fn hash(&self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.uses {
            "MD5" => hex(&Md5::digest(text)),
            _ => hex(&Sha256::digest(text)),
        }
    }
}

/// The quoted value of a parameter of a challenge.
pub fn quoted<'a>(value: &'a str, name: &str) -> &'a str {
    let mark = format!("{name}=\"");
    let start = value.find(&mark).unwrap_or_else(|| panic!("no {name} in {value}")) + mark.len();
    &value[start..start + value[start..].find('"').unwrap()]
}

impl Phone {
    /// Its end of a new call to a number, not sent yet.
    pub fn leg(&self, dialled: &str) -> Leg {
        let mut leg = self.world.caller(&self.at.to_string(), &self.username, dialled);
        leg.local = format!("<sip:{}@127.0.0.1>", self.username);
        leg
    }

    /// Sends a call's INVITE, and answers the challenge that comes.
    pub fn call(&self, leg: &mut Leg) {
        leg.call();
        let challenge = leg.expect(401);
        let authorization = self.proof(&challenge, "INVITE", &leg.target);
        let invite = leg.invite().with("Authorization", authorization);
        leg.send(invite);
    }

    /// Calls a number.
    pub fn dial(&self, dialled: &str) -> Leg {
        let mut leg = self.leg(dialled);
        self.call(&mut leg);
        leg
    }
}
