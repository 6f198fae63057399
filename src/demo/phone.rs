//! A small softphone: enough of a user agent to register, to call, to be called, and to tell everything about itself
//! that a careless phone tells.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

use super::cast::{Person, SWITCH};
use super::search::{Received, Token, Value};
use super::stream::{Ear, Stream};
use super::wire::Wire;
use super::{LINGER, RING, now};
use crate::base::{Random, Secret};
use crate::sdp;
use crate::sip::digest::Challenge;
use crate::sip::{Address, Echo, Head, Method, Name, Response, Status, Writer};

/// Why a phone could not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneFault {
    /// A socket failed.
    #[error("a socket failed: {0}")]
    Socket(#[from] io::Error),
    /// A request got no final response.
    #[error("{0} was not answered")]
    Unanswered(Method),
    /// A request that should have come did not.
    #[error("no {0} came")]
    Missing(Method),
    /// A request got another final response than 200.
    #[error("{0} was answered with {1}")]
    Refused(Method, Status),
    /// A message of the switch lacks what the phone needs to go on.
    #[error("a message of the switch lacks {0}")]
    Lacking(&'static str),
    /// A request of the phone's own can't be read.
    #[error("the phone's own {0} can't be read")]
    Unreadable(Method),
}

/// One phone, and its side of one call.
#[derive(Debug)]
pub(super) struct Phone {
    person: &'static Person,
    wire: Wire,
    stream: Stream,
    call_id: String,
    tag: String,
    device: String,
    session: String,
    branches: Random,
    cseq: u32,
    seen: Seen,
}

/// What a phone was shown of the other side.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) from: String,
    pub(super) to: String,
    /// The tag of the other end.
    pub(super) tag: String,
    pub(super) asserted: Option<String>,
    pub(super) contact: String,
    pub(super) call_id: String,
    pub(super) product: Option<String>,
    pub(super) origin: String,
    pub(super) media: Option<SocketAddr>,
    /// Where the message came from.
    pub(super) source: Option<SocketAddr>,
}

/// What a phone has to tell when the call is over.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) person: &'static Person,
    pub(super) address: SocketAddr,
    pub(super) seen: Seen,
    /// The SSRC and the CNAME of its own stream.
    pub(super) ssrc: u32,
    pub(super) cname: String,
    pub(super) ear: Ear,
    /// Every datagram that came in, signalling first.
    pub(super) received: Vec<Received>,
    /// What the other phone must not have received.
    pub(super) secrets: Vec<Token>,
}

/// A dialog, as far as this phone needs one.
#[derive(Debug, Clone)]
struct Dialog {
    target: String,
    to: String,
    from: String,
    call_id: String,
}

impl Phone {
    /// A phone that is switched on.
    pub(super) fn new(person: &'static Person, switch: SocketAddr, random: &mut Random) -> io::Result<Self> {
        let address = person.address.into();
        Ok(Self {
            person,
            wire: Wire::open(address, switch)?,
            stream: Stream::open(person, random)?,
            call_id: format!("{}@{}", random.token(20), person.address),
            tag: random.token(12),
            device: random.token(24),
            session: (random.next_u64() | 1 << 63).to_string(),
            branches: random.fork(),
            cseq: 0,
            seen: Seen::default(),
        })
    }

    /// Registers, with the proof that is asked for.
    pub(super) fn register(&mut self) -> Result<(), PhoneFault> {
        let switch = self.wire.switch;
        let dialog =
            self.outside(format!("sip:{switch}"), format!("<sip:{}@{SWITCH}>", self.person.username));
        self.ask(&Method::REGISTER, &dialog, None).map(drop)
    }

    /// Calls a number, and talks; then hangs up.
    pub(super) fn call(&mut self, dialled: &str) -> Result<(), PhoneFault> {
        let dialog =
            self.outside(format!("sip:{dialled}@{}", self.wire.switch), format!("<sip:{dialled}@{SWITCH}>"));
        let offer = self.describe();
        let answer = self.ask(&Method::INVITE, &dialog, Some(&offer))?;
        self.note(&answer);
        let dialog = Dialog { target: contact(&answer)?, to: answer.to().as_str().to_owned(), ..dialog };
        let ack = self.request(&Method::ACK, &dialog).finish();
        self.wire.send(&ack)?;
        self.talk(&answer)?;
        self.ask(&Method::BYE, &dialog, None)?;
        Ok(self.stream.listen(now() + LINGER)?)
    }

    /// Waits to be called, rings, answers and talks, until the other hangs up.
    pub(super) fn be_called(&mut self) -> Result<(), PhoneFault> {
        let invite = self.wire.expect(&Method::INVITE, None)?;
        self.note(&invite);
        let echo = invite.echo(self.wire.switch);
        self.wire.send(&self.response(Status::RINGING, &echo).finish())?;
        self.stream.listen(now() + RING)?;
        let answer = self.response(Status::OK, &echo).body("application/sdp", self.describe().as_bytes());
        self.wire.expect(&Method::ACK, Some(&answer))?;
        self.talk(&invite)?;
        let bye = self.wire.expect(&Method::BYE, None)?;
        self.wire.send(&self.response(Status::OK, &bye.echo(self.wire.switch)).finish())?;
        Ok(self.stream.listen(now() + LINGER)?)
    }

    /// What the phone has to tell.
    pub(super) fn into_account(self) -> Account {
        let secrets = self.secrets();
        let Self { person, wire, stream, seen, .. } = self;
        let (ssrc, cname) = (stream.ssrc, stream.cname.clone());
        let mut ear = stream.into_ear();
        let mut received = wire.received;
        received.append(&mut ear.received);
        Account { person, address: wire.address, seen, ssrc, cname, ear, received, secrets }
    }

    /// All that is this phone's own.
    fn secrets(&self) -> Vec<Token> {
        let Person { name, username, number, address, agent, organisation, .. } = *self.person;
        let text = |what, value: &str| Token { what, value: Value::Text(value.to_owned()) };
        let call_id = if self.seen.call_id.is_empty() { &self.call_id } else { &self.seen.call_id };
        vec![
            Token { what: "number", value: Value::Number(number.to_owned()) },
            text("name", name),
            text("user name", username),
            Token { what: "address", value: Value::Address(address.into()) },
            text("Call-ID", call_id),
            text("tag", &self.tag),
            text("device id", &self.device),
            text("user agent", agent),
            text("organisation", organisation),
            text("SDP session id", &self.session),
            Token { what: "RTP SSRC", value: Value::Word(self.stream.ssrc) },
            Token { what: "RTP CSRC", value: Value::Word(self.stream.contributor) },
            text("RTP extension", &self.stream.extension),
            text("RTCP CNAME", &self.stream.cname),
        ]
    }

    fn outside(&self, target: String, to: String) -> Dialog {
        let Person { name, username, .. } = self.person;
        let from = format!("\"{name}\" <sip:{username}@{SWITCH}>;tag={}", self.tag);
        Dialog { target, to, from, call_id: self.call_id.clone() }
    }

    /// Sends a request and gives its 200, proving who the phone is where that is asked.
    fn ask(&mut self, method: &Method, dialog: &Dialog, body: Option<&str>) -> Result<Response, PhoneFault> {
        let mut proof = None;
        loop {
            let branch = self.branch();
            self.cseq += 1;
            let mut writer = self.start(method, dialog, &branch);
            if let Some(proof) = &proof {
                writer.header(Name::Authorization, proof);
            }
            let request = finish(writer, body);
            let response = self.wire.ask(method, &request)?;
            if *method == Method::INVITE && !response.status().is_success() {
                let refused = Dialog { to: response.to().as_str().to_owned(), ..dialog.clone() };
                self.wire.send(&self.start(&Method::ACK, &refused, &branch).finish())?;
            }
            match response.status() {
                Status::OK => return Ok(response),
                Status::UNAUTHORIZED if proof.is_none() => {
                    proof = Some(self.prove(method, dialog, &response)?)
                }
                status => return Err(PhoneFault::Refused(method.clone(), status)),
            }
        }
    }

    /// The answer to a challenge (RFC 3261 section 22.2).
    fn prove(&mut self, method: &Method, dialog: &Dialog, response: &Response) -> Result<String, PhoneFault> {
        let challenge = response.headers(Name::WwwAuthenticate).find_map(Challenge::parse);
        let challenge = challenge.ok_or(PhoneFault::Lacking("a challenge that can be answered"))?;
        let password = Secret::new(self.person.password.to_owned());
        let cnonce = self.branches.token(12);
        Ok(challenge.answer(self.person.username, &password, method, &dialog.target, 1, &cnonce))
    }

    /// A request in a transaction of its own.
    fn request(&mut self, method: &Method, dialog: &Dialog) -> Writer {
        let branch = self.branch();
        self.start(method, dialog, &branch)
    }

    fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.branches.token(16))
    }

    /// A request's head, with all that a careless phone tells.
    fn start(&self, method: &Method, dialog: &Dialog, branch: &str) -> Writer {
        let mut writer = Writer::request(method, &dialog.target);
        writer
            .header(Name::Via, format_args!("SIP/2.0/UDP {};rport;branch={branch}", self.wire.address))
            .header(Name::MaxForwards, 70)
            .header(Name::From, &dialog.from)
            .header(Name::To, &dialog.to)
            .header(Name::CallId, &dialog.call_id)
            .header(Name::CSeq, format_args!("{} {method}", self.cseq));
        self.tell(&mut writer, Name::UserAgent);
        writer
    }

    fn response(&self, status: Status, echo: &Echo) -> Writer {
        let mut writer = Writer::response(status, echo, Some(&self.tag));
        self.tell(&mut writer, Name::Server);
        writer
    }

    /// Who and where the phone is.
    fn tell(&self, writer: &mut Writer, product: Name) {
        let Person { name, number, agent, organisation, .. } = self.person;
        let (address, device) = (self.wire.address, &self.device);
        writer
            .header(
                Name::Contact,
                format_args!("<sip:{number}@{address}>;+sip.instance=\"<urn:uuid:{device}>\""),
            )
            .header(Name::PAssertedIdentity, format_args!("\"{name}\" <sip:{number}@{address}>"))
            .header(Name::Organization, organisation)
            .header(product, agent);
    }

    /// The phone's offer or answer.
    fn describe(&self) -> String {
        let Person { name, username, address, .. } = self.person;
        let (session, [rtp, rtcp]) = (&self.session, self.stream.ports);
        let (ssrc, cname) = (self.stream.ssrc, &self.stream.cname);
        format!(
            "v=0\r\no={username} {session} 1 IN IP4 {address}\r\ns={name}\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
             m=audio {rtp} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=rtcp:{rtcp}\r\na=ssrc:{ssrc} cname:{cname}\r\n\
             a=ptime:20\r\na=sendrecv\r\n"
        )
    }

    /// Notes what a message shows of the other side.
    fn note(&mut self, message: &Head) {
        let header = |name| message.header(name).map(str::to_owned);
        let body = String::from_utf8_lossy(message.body());
        let origin = body.lines().find_map(|line| line.strip_prefix("o=")).unwrap_or_default().to_owned();
        let tags = [message.from().tag(), message.to().tag()].into_iter().flatten();
        self.seen = Seen {
            from: untagged(message.from()),
            to: untagged(message.to()),
            tag: tags.filter(|tag| *tag != self.tag).collect(),
            asserted: header(Name::PAssertedIdentity),
            contact: header(Name::Contact).unwrap_or_default(),
            call_id: message.call_id().to_owned(),
            product: header(Name::UserAgent).or(header(Name::Server)),
            origin,
            media: media(message).map(|[rtp, _]| rtp),
            source: self.wire.received.last().map(|received| received.from),
        };
    }

    fn talk(&mut self, message: &Head) -> Result<(), PhoneFault> {
        let [rtp, rtcp] = media(message).ok_or(PhoneFault::Lacking("an address for audio"))?;
        Ok(self.stream.talk(self.person.tone, rtp, rtcp)?)
    }
}

fn finish(writer: Writer, body: Option<&str>) -> Bytes {
    match body {
        Some(body) => writer.body("application/sdp", body.as_bytes()),
        None => writer.finish(),
    }
}

/// An address without its parameters.
fn untagged(address: &Address) -> String {
    match address.display() {
        Some(display) => format!("\"{display}\" <{}>", address.uri()),
        None => format!("<{}>", address.uri()),
    }
}

fn contact(message: &Head) -> Result<String, PhoneFault> {
    let contact = message.contact().ok().flatten().ok_or(PhoneFault::Lacking("a Contact"))?;
    Ok(contact.uri().as_str().to_owned())
}

/// Where a message wants RTP and RTCP.
fn media(message: &Head) -> Option<[SocketAddr; 2]> {
    let audio = sdp::parse(message.body()).ok()?.audio?;
    Some([audio.rtp_target()?, audio.rtcp_target()?])
}
