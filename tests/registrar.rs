//! Softphones: how they prove who they are, and where they are then reached.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod sim;

use std::time::Duration;

use sim::phone::quoted;
use sim::*;

const SECOND: Duration = Duration::from_secs(1);

/// Phones may answer with either hash.
fn with_both_hashes() -> String {
    SETTINGS.replace("[sip]", "[sip]\ndigest = [\"sha-256\", \"md5\"]")
}

/// The contacts that a REGISTER's answer lists, with the seconds they have left.
fn contacts(text: &Text) -> Vec<(String, u32)> {
    assert_eq!(text.status(), Some(200), "{text}");
    let contact = |value: &str| {
        let (uri, left) = value.split_once(">;expires=").unwrap_or_else(|| panic!("{text}"));
        (uri.trim_start_matches('<').to_owned(), left.parse().unwrap())
    };
    text.all("Contact").map(contact).collect()
}

#[test]
fn a_challenge_tells_nothing_of_who_is_known() {
    let asked = |username: &str| {
        let world = World::with(&with_both_hashes(), 1);
        let mut phone = world.phone(username, STRANGER);
        phone.call_id = "same".into();
        let request = phone.request("REGISTER").with("Contact", "<sip:x@127.0.0.66>");
        let text = phone.ask(&request);
        assert_eq!(text.status(), Some(401));
        assert_eq!(world.stateless(STRANGER), [401]);
        let time = world.time();
        let challenges: Vec<_> = text.all("WWW-Authenticate").map(str::to_owned).collect();
        assert_eq!(challenges.len(), 2);
        assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"), "{challenges:?}");
        let text = text.to_string().replace(username, "USER");
        (text.replace(quoted(&challenges[0], "nonce"), "NONCE"), time)
    };
    assert_eq!(asked("agent"), asked("nobodyknows"));
}

#[test]
fn both_hashes_are_good() {
    for uses in ["MD5", "SHA-256"] {
        let world = World::with(&with_both_hashes(), 1);
        let mut phone = world.phone("customer", CUSTOMER);
        phone.uses = uses;
        let registered = phone.register();
        assert_eq!(contacts(&registered), [(phone.contact(), 3600)]);
        world.pass(1800 * SECOND);
        let fetched = phone.register_with(&[]);
        assert_eq!(contacts(&fetched), [(phone.contact(), 1799)]);
    }
}

#[test]
fn a_wrong_password_and_a_wrong_name() {
    let world = World::new();
    for (username, password) in [
        ("customer", "wrong"),
        ("customer", ""),
        ("nobodyknows", "customer-demo-password"),
        ("agent", "customer-demo-password"),
    ] {
        let mut phone = world.phone(username, CUSTOMER);
        phone.password = password.into();
        let answer = phone.register_with(&[("Contact", "<sip:x@127.0.0.12>")]);
        assert_eq!(answer.status(), Some(401));
        assert!(!answer.to_string().contains("stale=true"), "{answer}");
    }
    let mut caller = world.dial(TO_CUSTOMER);
    caller.expect(480);
    world.end();
}

#[test]
fn a_proof_for_another_name_than_the_one_claimed() {
    let world = World::new();
    let mut agent = world.phone("agent", AGENT);
    for (header, status) in [("From", 401), ("To", 403)] {
        let first = agent.request("REGISTER");
        let challenge = agent.ask(&first);
        let proof = agent.proof(&challenge, "REGISTER", "sip:127.0.0.1");
        let request = agent.request("REGISTER").with("Authorization", proof);
        let another = request.get(header).unwrap().replace("agent", "customer");
        assert_eq!(agent.ask(&request.set(header, another)).status(), Some(status), "{header}");
    }
}

#[test]
fn a_proof_is_for_the_host_that_the_request_goes_to() {
    let world = World::new();
    let mut agent = world.phone("agent", AGENT);
    let mut status = |uri: &str| {
        let first = agent.request("REGISTER");
        let challenge = agent.ask(&first);
        let proof = agent.proof(&challenge, "REGISTER", uri);
        let request = agent.request("REGISTER").with("Authorization", proof);
        agent.ask(&request).status()
    };
    for same in [
        "sip:127.0.0.1",
        "SIP:127.0.0.1",
        "sip:127.0.0.1:5060",
        "sip:127.0.0.1;transport=tcp",
        "sips:127.0.0.1",
    ] {
        assert_eq!(status(same), Some(200), "{same}");
    }
    for other in ["sip:127.0.0.2", "sip:agent@127.0.0.1", "tel:+919876500001", "127.0.0.1", ""] {
        assert_eq!(status(other), Some(401), "{other}");
    }
}

#[test]
fn a_nonce_is_used_once_for_each_count_and_not_for_ever() {
    let world = World::new();
    let mut phone = world.phone("agent", AGENT);
    let first = phone.request("REGISTER");
    let challenge = phone.ask(&first);
    let value = challenge.header("WWW-Authenticate").to_owned();
    let (realm, nonce) = (quoted(&value, "realm"), quoted(&value, "nonce"));
    let with = |phone: &mut Phone, count: u32, nonce: &str| {
        let proof = phone.answer(realm, nonce, count, "REGISTER", "sip:127.0.0.1");
        let request = phone.request("REGISTER").with("Authorization", proof);
        phone.ask(&request)
    };
    let is_stale = |text: &Text| {
        assert_eq!(text.status(), Some(401));
        text.header("WWW-Authenticate").contains("stale=true")
    };
    assert_eq!(with(&mut phone, 1, nonce).status(), Some(200));
    assert!(is_stale(&with(&mut phone, 1, nonce)), "replayed");
    assert_eq!(with(&mut phone, 2, nonce).status(), Some(200));
    assert!(!is_stale(&with(&mut phone, 3, "0123456789abcdef0123456789abcdef")), "not ours");
    phone.at = address(CUSTOMER);
    assert!(!is_stale(&with(&mut phone, 4, nonce)), "another source");
    phone.at = address(AGENT);
    world.pass(301 * SECOND);
    assert!(is_stale(&with(&mut phone, 5, nonce)), "too old");
}

#[test]
fn contacts_come_go_and_lapse() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    let one = "<sip:one@127.0.0.12:5062>";
    let two = "<sip:two@127.0.0.12:5063>;expires=90";
    phone.register_with(&[("Contact", one), ("Expires", "600")]);
    let both = phone.register_with(&[("Contact", two)]);
    let expected = [("sip:two@127.0.0.12:5063".to_owned(), 90), ("sip:one@127.0.0.12:5062".to_owned(), 599)];
    assert_eq!(contacts(&both), expected);
    world.pass(91 * SECOND);
    assert_eq!(contacts(&phone.register_with(&[])).len(), 1, "one has lapsed");
    phone.register_with(&[("Contact", two)]);
    let removed = phone.register_with(&[("Contact", "<sip:one@127.0.0.12:5062>;expires=0")]);
    assert_eq!(contacts(&removed).len(), 1);
    let long = phone.register_with(&[("Contact", "<sip:long@127.0.0.12>;expires=99999999")]);
    assert_eq!(contacts(&long)[0].1, 7200, "held to what we keep");
    let none = phone.register_with(&[("Contact", "*"), ("Expires", "0")]);
    assert_eq!(contacts(&none), []);
}

#[test]
fn a_contact_is_the_same_in_whatever_spelling() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    let [one, two, three] =
        ["sip:me@Phone.Example:5062", "sip:%6de@phone.example:5062;ob", "SIP:me@PHONE.example:5062"];
    phone.cseq = 50;
    let registered =
        |phone: &mut Phone, contact: &str| contacts(&phone.register_with(&[("Contact", contact)]));
    assert_eq!(registered(&mut phone, &format!("<{one}>")), [(one.into(), 3600)]);
    assert_eq!(registered(&mut phone, &format!("<{two}>")), [(two.into(), 3600)]);
    let both = format!("<{one}>, <{three}>;expires=90");
    assert_eq!(registered(&mut phone, &both), [(three.into(), 90)], "the last one counts");
    phone.cseq = 10;
    let old = phone.register_with(&[("Contact", &format!("<{two}>;expires=0"))]);
    assert_eq!(old.status(), Some(500), "it is older than what it would undo");
    phone.cseq = 100;
    let other = "sip:me@phone.example:5062;transport=tcp";
    assert_eq!(registered(&mut phone, &format!("<{other}>")).len(), 2, "this one is another");
    assert_eq!(registered(&mut phone, &format!("<{one}>;expires=0")), [(other.into(), 3599)]);
}

#[test]
fn registrations_that_make_no_sense() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    let brief = phone.register_with(&[("Contact", "<sip:x@127.0.0.12>;expires=30")]);
    assert_eq!((brief.status(), brief.get("Min-Expires")), (Some(423), Some("60")));
    for headers in [
        &[("Contact", "*")][..],
        &[("Contact", "*"), ("Expires", "60")],
        &[("Contact", "*, <sip:x@127.0.0.12>"), ("Expires", "0")],
        &[("Contact", "<tel:+123456789>")],
        &[("Contact", "<sip:")],
    ] {
        assert_eq!(phone.register_with(headers).status(), Some(400), "{headers:?}");
    }
    assert_eq!(contacts(&phone.register_with(&[])), []);
}

#[test]
fn a_phone_has_ten_contacts_at_most() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    for count in 0..10 {
        let contact = format!("<sip:number{count}@127.0.0.12>");
        assert_eq!(phone.register_with(&[("Contact", &contact)]).status(), Some(200));
    }
    let eleventh = phone.register_with(&[("Contact", "<sip:eleven@127.0.0.12>")]);
    let left = contacts(&eleventh);
    assert_eq!(left.len(), 10);
    assert!(!left.iter().any(|(uri, _)| uri.contains("number0")), "the oldest makes room");
}

#[test]
fn a_late_register_does_not_undo_a_newer_one() {
    let world = World::new();
    let mut phone = world.phone("customer", CUSTOMER);
    phone.cseq = 100;
    phone.register();
    phone.cseq = 50;
    let contact = format!("<{}>;expires=0", phone.contact());
    assert_eq!(phone.register_with(&[("Contact", &contact)]).status(), Some(500));
    assert_eq!(contacts(&phone.register_with(&[])).len(), 1);
}

#[test]
fn a_phones_name_from_a_trunk_has_to_be_proved() {
    let world = World::new();
    let mut spoofer = world.caller(ALPHA, ALICE, M1);
    spoofer.local = "\"Agent\" <sip:agent@127.0.0.1>".into();
    spoofer.call();
    spoofer.expect(401);
    assert!(world.received(BETA).is_empty());
    let mut elsewhere = world.caller(ALPHA, ALICE, M1);
    elsewhere.local = "<sip:agent@carrier.example>".into();
    elsewhere.call();
    elsewhere.expect(404);
    world.settle();
}

#[test]
fn challenges_run_out() {
    let world = World::new();
    for _ in 0..200 {
        let mut phone = world.phone("agent", STRANGER);
        let request = phone.request("REGISTER");
        world.send(phone.at, request.bytes());
    }
    world.pass(Duration::from_millis(50));
    assert_eq!(world.received(STRANGER).len(), 50);
    let mut other = world.phone("agent", AGENT);
    other.register();
    world.pass(10 * SECOND);
    let mut phone = world.phone("agent", STRANGER);
    phone.register();
    world.settle();
}

#[test]
fn whoever_answers_its_challenges_never_runs_out_of_them() {
    let world = World::new();
    for _ in 0..70 {
        world.phone("agent", AGENT).register();
    }
    assert!(world.time() < 2 * SECOND, "faster than challenges come back");
}

#[test]
fn a_stranger_that_calls_in_a_phones_name_is_challenged_like_anyone() {
    let heard = ["agent", "nobodyknows"].map(|name| {
        let world = World::new();
        let mut stranger = world.caller(STRANGER, "x", M1);
        stranger.local = format!("<sip:{name}@127.0.0.1>");
        stranger.call();
        let text = stranger.expect(401);
        assert_eq!(world.received(STRANGER).len(), 1, "and no 100 before");
        text.headers().iter().map(|(label, _)| label.clone()).collect::<Vec<_>>()
    });
    assert_eq!(heard[0], heard[1]);
}

#[test]
fn passwords_can_be_guessed_so_often_and_no_more() {
    let world = World::new();
    let mut phone = world.phone("agent", AGENT);
    let request = phone.request("REGISTER");
    let challenge = phone.ask(&request);
    let challenge = challenge.header("WWW-Authenticate");
    let (realm, nonce) = (quoted(challenge, "realm"), quoted(challenge, "nonce"));
    let mut bring = |password: &str, count: u32| {
        password.clone_into(&mut phone.password);
        let proof = phone.answer(realm, nonce, count, "REGISTER", "sip:127.0.0.1");
        let register = phone.request("REGISTER").with("Authorization", proof);
        world.send(phone.at, register.bytes());
    };
    let is_registered = || {
        world.pass(Duration::from_millis(20));
        world.unread(address(AGENT), |text| text.status() == Some(200)).is_some()
    };
    (1..=60).for_each(|count| bring(&format!("guess {count}"), count));
    assert!(!is_registered());
    bring("agent-demo-password", 61);
    assert!(!is_registered(), "no proof is looked at any more");
    world.pass(SECOND);
    bring("agent-demo-password", 62);
    assert!(is_registered());
    world.settle();
}
