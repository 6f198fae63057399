//! Messages that arrive twice, messages from where nobody of the call is, and connections that are gone, against the
//! running binary.
#![allow(clippy::disallowed_methods, reason = "real processes are waited for by the real clock")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use support::agent::{Agent, header, status};
use support::instance::Instance;

/// How long silence must last to be believed.
const SILENCE: Duration = Duration::from_millis(300);

/// A switch, its caller and its callee, as in the scenarios.
struct Scene {
    instance: Instance,
    switch: SocketAddr,
    caller: Agent,
    callee: Agent,
    /// At the callee's side, but none of the call's parties.
    sibling: Agent,
    /// At an address that is no trunk's.
    stranger: Agent,
}

/// A call that is up: what was said to set it up.
struct Up {
    invite: String,
    ok: String,
    answer: String,
    ack: String,
}

impl Scene {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let settings =
            std::fs::read_to_string(folder.join("sip-scenarios/config.toml")).expect("it is shipped");
        let instance = Instance::start(&settings);
        let subnet = instance.subnet;
        let [caller, callee, sibling, stranger] = [2, 3, 4, 9].map(|host| Agent::bind(subnet.at(host)));
        Self { instance, switch: subnet.switch(), caller, callee, sibling, stranger }
    }

    fn invite(&self) -> String {
        self.caller.invite(self.switch, "+919876500001", "+918045550101")
    }

    fn connect(&self) -> Up {
        let invite = self.invite();
        self.caller.send(self.switch, &invite);
        let (offered, _) = self.callee.expect("INVITE sip:");
        let answer = self.callee.answer(&offered, "200 OK");
        self.callee.send(self.switch, &answer);
        let (ok, _) = self.caller.expect("SIP/2.0 200");
        self.caller.send(self.switch, self.caller.within(&invite, &ok, "ACK"));
        let (ack, _) = self.callee.expect("ACK sip:");
        Up { invite, ok, answer, ack }
    }

    /// Ends a call in good order, and looks at its record.
    fn hang_up(self, up: &Up) {
        self.caller.send(self.switch, self.caller.within(&up.invite, &up.ok, "BYE"));
        let (bye, _) = self.callee.expect("BYE sip:");
        self.callee.send(self.switch, self.callee.answer(&bye, "200 OK"));
        self.caller.expect("SIP/2.0 200");
        assert_eq!(self.instance.wait_for_records(1)[0]["outcome"], "answered");
        self.instance.stop();
    }
}

/// What comes until nothing does.
fn all(agent: &Agent) -> Vec<String> {
    std::iter::from_fn(|| agent.receive(SILENCE)).map(|(message, _)| message).collect()
}

#[test]
fn an_invite_that_comes_three_times_is_one_call() {
    let scene = Scene::new();
    let invite = scene.invite();
    for _ in 0..3 {
        scene.caller.send(scene.switch, &invite);
    }
    let (offered, _) = scene.callee.expect("INVITE sip:");
    scene.callee.send(scene.switch, scene.callee.answer(&offered, "180 Ringing"));
    let others = all(&scene.callee);
    assert!(others.is_empty(), "the callee heard of the same call again: {others:#?}");
    assert!(all(&scene.caller).iter().all(|answer| matches!(status(answer), Some(100 | 180))));
    scene.callee.send(scene.switch, scene.callee.answer(&offered, "486 Busy Here"));
    let (busy, _) = scene.caller.expect("SIP/2.0 486");
    assert_eq!(header(&busy, "CSeq"), Some("1 INVITE"));
    scene.instance.wait_for_records(1);
}

#[test]
fn an_invite_that_comes_by_a_second_path_is_a_482() {
    let scene = Scene::new();
    let invite = scene.invite();
    scene.caller.send(scene.switch, &invite);
    scene.callee.expect("INVITE sip:");
    scene.caller.send(scene.switch, invite.replace("branch=z9hG4bK", "branch=z9hG4bK-by-another-path"));
    scene.caller.expect("SIP/2.0 482");
}

#[test]
fn an_answer_that_comes_again_is_acknowledged_again() {
    let scene = Scene::new();
    let up = scene.connect();
    for _ in 0..2 {
        scene.callee.send(scene.switch, &up.answer);
        let (ack, _) = scene.callee.expect("ACK sip:");
        assert_eq!(
            ["To", "CSeq"].map(|name| header(&ack, name)),
            ["To", "CSeq"].map(|name| header(&up.ack, name))
        );
    }
    assert!(all(&scene.caller).is_empty(), "the caller heard of it");
    scene.hang_up(&up);
}

#[test]
fn an_answer_is_repeated_until_it_is_acknowledged() {
    let scene = Scene::new();
    let invite = scene.invite();
    scene.caller.send(scene.switch, &invite);
    let (offered, _) = scene.callee.expect("INVITE sip:");
    let answer = scene.callee.answer(&offered, "200 OK");
    scene.callee.send(scene.switch, &answer);
    let (ok, _) = scene.caller.expect("SIP/2.0 200");
    for _ in 0..2 {
        assert_eq!(scene.caller.expect("SIP/2.0 200").0, ok);
    }
    let ack = scene.caller.within(&invite, &ok, "ACK");
    scene.caller.send(scene.switch, &ack);
    all(&scene.caller);
    assert!(scene.caller.receive(2 * SILENCE).is_none(), "the 200 was repeated after its ACK");
    let (callee_ack, _) = scene.callee.expect("ACK sip:");
    scene.hang_up(&Up { invite, ok, answer, ack: callee_ack });
}

#[test]
fn a_party_of_another_call_cannot_end_this_one() {
    let scene = Scene::new();
    let up = scene.connect();
    let bye = scene.caller.within(&up.invite, &up.ok, "BYE");
    // The right dialog from the wrong address: at another trunk it is nobody's, elsewhere it is not heard.
    for (agent, answers) in [(&scene.sibling, 1), (&scene.stranger, 0)] {
        let own = bye.replace(&scene.caller.address.to_string(), &agent.address.to_string());
        agent.send(scene.switch, &own);
        let heard: Vec<_> = all(agent).iter().filter_map(|answer| status(answer)).collect();
        assert_eq!(heard, vec![481; answers]);
    }
    // The right address with a wrong tag.
    let (head, tag) = bye.split_once(";tag=a").expect("the caller's tag");
    scene
        .caller
        .send(scene.switch, format!("{head};tag=b{tag}").replace("branch=z9hG4bK", "branch=z9hG4bK-x"));
    scene.caller.expect("SIP/2.0 481");
    assert!(all(&scene.callee).is_empty(), "the callee heard of it");
    scene.hang_up(&up);
}

#[test]
fn a_cancel_from_elsewhere_cancels_nothing() {
    let scene = Scene::new();
    let invite = scene.invite();
    scene.caller.send(scene.switch, &invite);
    let (offered, _) = scene.callee.expect("INVITE sip:");
    scene.callee.send(scene.switch, scene.callee.answer(&offered, "180 Ringing"));
    let head =
        invite.split("Contact:").next().expect("split gives one part at least").replace("INVITE", "CANCEL");
    let cancel = format!("{head}Content-Length: 0\r\n\r\n");
    for agent in [&scene.sibling, &scene.stranger] {
        agent.send(scene.switch, &cancel);
    }
    assert!(all(&scene.callee).is_empty(), "the callee was cancelled");
    scene.caller.send(scene.switch, &cancel);
    scene.caller.expect("SIP/2.0 487");
    scene.callee.expect("CANCEL sip:");
}

#[test]
fn a_stranger_cannot_answer_for_the_callee() {
    let scene = Scene::new();
    scene.caller.send(scene.switch, scene.invite());
    let (offered, _) = scene.callee.expect("INVITE sip:");
    scene.stranger.send(scene.switch, scene.stranger.answer(&offered, "200 OK"));
    scene.stranger.send(scene.switch, scene.stranger.answer(&offered, "486 Busy Here"));
    let heard: Vec<_> = all(&scene.caller).iter().filter_map(|answer| status(answer)).collect();
    assert_eq!(heard, [100]);
    scene.callee.send(scene.switch, scene.callee.answer(&offered, "486 Busy Here"));
    scene.caller.expect("SIP/2.0 486");
}

/// A connection from an address to the switch.
fn open(from: SocketAddr, switch: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(from.ip(), 0).into()).expect("the address is this test's own");
    socket.connect(&switch.into()).expect("the switch listens");
    socket.into()
}

/// Reads messages without bodies that matter, up to one that starts so.
fn read_up_to(stream: &mut TcpStream, start: &str) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("the time is not 0");
    let mut heard = String::new();
    let mut buffer = [0; 4_096];
    loop {
        if let Some(at) = heard.find(start).filter(|at| heard[*at..].contains("\r\n\r\n")) {
            return heard.split_off(at);
        }
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => heard += &String::from_utf8_lossy(&buffer[..length]),
            end => panic!("{start} did not come: {end:?}; what came: {heard}"),
        }
    }
}

/// Ends a connection, and waits until the switch has seen it.
fn close(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).expect("it is open");
    stream.read_to_end(&mut Vec::new()).expect("the switch closes it too");
}

#[test]
fn what_was_for_a_lost_connection_comes_by_a_new_one() {
    let scene = Scene::new();
    let (at, switch) = (scene.caller.address, scene.switch);
    let listener = TcpListener::bind(at).expect("the address is this test's own");
    let patience = Some(Duration::from_secs(10));
    socket2::SockRef::from(&listener).set_read_timeout(patience).expect("the time is not 0");
    let over_tcp = |message: String| {
        message.replace("SIP/2.0/UDP", "SIP/2.0/TCP").replace("Contact: <sip:agent@", "Contact: <sip:tcp@")
    };
    let invite = over_tcp(scene.invite());
    let mut first = open(at, switch);
    first.write_all(invite.as_bytes()).expect("the switch reads");
    let (offered, _) = scene.callee.expect("INVITE sip:");
    close(first);

    let answer = scene.callee.answer(&offered, "200 OK");
    scene.callee.send(switch, &answer);
    let (mut second, _) = listener.accept().expect("the switch comes to where the Via says");
    let ok = read_up_to(&mut second, "SIP/2.0 200");
    second
        .write_all(over_tcp(scene.caller.within(&invite, &ok, "ACK")).as_bytes())
        .expect("the switch reads");
    scene.callee.expect("ACK sip:");
    close(second);

    let [from, to, id] = ["To", "From", "Call-ID"].map(|name| header(&answer, name).expect("each"));
    let contact = header(&offered, "Contact").expect("an INVITE has one").trim_matches(['<', '>']);
    scene.callee.send(
        switch,
        format!(
            "BYE {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK-bye\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {id}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            scene.callee.address
        ),
    );
    scene.callee.expect("SIP/2.0 200");
    let (mut third, _) = listener.accept().expect("the switch comes to where the Contact says");
    let bye = read_up_to(&mut third, "BYE sip:tcp@");
    third.write_all(scene.caller.answer(&bye, "200 OK").as_bytes()).expect("the switch reads");
    assert_eq!(scene.instance.wait_for_records(1)[0]["outcome"], "answered");
    scene.instance.stop();
}
