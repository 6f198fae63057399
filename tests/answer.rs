//! Asking over real sockets: services that answer well, and in every way badly.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "the services run in the test's runtime")]

#[path = "answer/web.rs"]
mod web;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use maskline::base::{Random, Secret};
use maskline::hook::answer::{AskSettings, Asker, Outcome, Question};
use maskline::hook::signature;
use maskline::voice::{About, Ask, CallStatus, Direction, Element, Event, Hangup, Method, Pair};
use sha2::Sha256;
use tokio::time::Instant;
use web::{Reply, Request, Web};

const HANGUP: &str = "<Response><Hangup/></Response>";
const TOKEN: &str = "my_auth_token";

fn settings() -> AskSettings {
    AskSettings {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(20),
        allow_private: true,
        secret: Some(Secret::new(TOKEN.to_owned())),
        ..AskSettings::default()
    }
}

/// One whose services get little time.
fn hasty() -> Asker {
    let short = Duration::from_millis(150);
    Asker::new(AskSettings { connect_timeout: short, read_timeout: short, ..settings() }).unwrap()
}

fn patient() -> Asker {
    Asker::new(settings()).unwrap()
}

fn pairs() -> Vec<Pair> {
    let about = About {
        call: "97ceeb52-58b6-11e1-86da-77300b68f8bb".into(),
        from: Some("+919876500001".parse().unwrap()),
        to: "+918045550101".parse().unwrap(),
        direction: Direction::Inbound,
        status: CallStatus::Ringing,
    };
    Ask { about, event: Event::StartApp }.pairs()
}

const FORM: &str = "CallUUID=97ceeb52-58b6-11e1-86da-77300b68f8bb&From=919876500001&To=918045550101&Direction=inbound\
                    &CallStatus=ringing&Event=StartApp";

async fn ask(asker: &Asker, url: &str, fallback: Option<&str>) -> Outcome {
    ask_by(asker, url, fallback, Method::Post, Duration::from_secs(60)).await
}

async fn ask_by(
    asker: &Asker,
    url: &str,
    fallback: Option<&str>,
    method: Method,
    budget: Duration,
) -> Outcome {
    let question = Question { url, method, fallback, pairs: &pairs() };
    asker.ask(&question, Instant::now() + budget, &mut Random::from_number(1)).await
}

/// What was done, without the ports that the test happens to have.
fn said(outcome: &Outcome) -> Vec<String> {
    let without_port = |step: String| match step.split_once("127.0.0.1:") {
        Some((before, after)) => {
            format!("{before}127.0.0.1{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit()))
        }
        None => step,
    };
    outcome.trace.entries().iter().map(|entry| without_port(entry.step.to_string())).collect()
}

fn elements(outcome: &Outcome) -> &[Element] {
    &outcome.answer.as_ref().unwrap().read.response.elements
}

/// What an application does that checks all three families, each as its platform documents it.
fn is_signed(request: &Request) -> bool {
    let hmac = |text: String| {
        let mut mac = Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    };
    let header = |name: &str| request.header(name).unwrap().to_owned();
    let url = format!("http://{}{}", header("host"), request.target);
    let (base, query) = url.split_once('?').unwrap_or((&url, ""));
    let (v2, v3) = (header("x-vobiz-signature-v2-nonce"), header("x-vobiz-signature-v3-nonce"));
    let is_vobiz = header("x-vobiz-signature-v2") == hmac(format!("{base}{v2}"))
        && header("x-vobiz-signature-v3") == hmac(format!("{base}.{v3}"));
    let mut form: Vec<(String, String)> =
        form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    form.sort();
    let form: String = form.into_iter().map(|(key, value)| key + &value).collect();
    let nonce = header("x-plivo-signature-v3-nonce");
    let signed = match &*request.method {
        "POST" if query.is_empty() => format!("{base}?{form}.{nonce}"),
        "POST" => format!("{base}?{query}.{form}.{nonce}"),
        _ => {
            let mut query: Vec<&str> = query.split('&').collect();
            query.sort_unstable();
            format!("{base}?{}.{nonce}", query.join("&"))
        }
    };
    let own = header("maskline-signature");
    let seconds: u64 = own.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    let secret = Secret::new(TOKEN.to_owned());
    is_vobiz
        && header("x-plivo-signature-v3") == hmac(signed)
        && own == signature(&secret, seconds, &request.method, &url, request.body.as_bytes())
}

#[tokio::test]
async fn a_service_that_checks_all_signatures_is_asked_once() {
    let web = Web::start(|request, _| match is_signed(request) {
        true => Reply::document("<Response><Redirect>next?x=1#ct=100</Redirect></Response>"),
        false => Reply::status(403),
    })
    .await;
    let asker = patient();
    for (path, method) in
        [("/a/answer", Method::Post), ("/a/answer?shop=7", Method::Post), ("/a/answer?shop=7", Method::Get)]
    {
        let budget = Duration::from_secs(60);
        let outcome = ask_by(&asker, &web.url(path), None, method, budget).await;
        let Some(Element::Redirect(redirect)) = elements(&outcome).first() else { panic!("a Redirect") };
        assert_eq!(redirect.link.reveal(), web.url("/a/next?x=1"), "resolved against what was asked");
        assert_eq!(outcome.answer.as_ref().unwrap().url.reveal(), web.url(path));
        assert_eq!(said(&outcome), ["asked 127.0.0.1", "answered with 57 bytes of XML"]);
    }
    let seen = web.seen();
    assert_eq!((&*seen[0].method, &*seen[0].target, &*seen[0].body), ("POST", "/a/answer", FORM));
    assert_eq!(seen[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!((&*seen[2].method, &*seen[2].body), ("GET", ""));
    assert_eq!(seen[2].target, format!("/a/answer?shop=7&{FORM}"));
    assert_eq!((seen.len(), web.connections()), (3, 1), "one connection for all");
    let unsigned = Asker::new(AskSettings { secret: None, ..settings() }).unwrap();
    let web = Web::start(|_, _| Reply::document(HANGUP)).await;
    ask(&unsigned, &web.url("/"), None).await;
    assert!(web.seen()[0].headers.iter().all(|(name, _)| !name.contains("signature")));
}

#[tokio::test]
async fn json_is_read_whatever_it_is_called() {
    let web = Web::start(|_, _| {
        Reply::document(r#"{"response": [{"hangup": {"when": 1}}]}"#).with("content-type", "text/html")
    })
    .await;
    let outcome = ask(&patient(), &web.url("/"), None).await;
    assert_eq!(elements(&outcome), [Element::Hangup(Hangup::default())]);
    let last = outcome.trace.entries().last().unwrap().step.to_string();
    assert_eq!(last, "passed over: <Hangup>: the attribute when is not known");
}

#[tokio::test]
async fn one_fault_is_tried_again_and_two_lead_to_the_fallback() {
    let web = Web::start(|request, before| match (&*request.target, before) {
        ("/answer", 0 | 2 | 3) => Reply::status(500),
        _ => Reply::document(HANGUP),
    })
    .await;
    let (url, fallback) = (web.url("/answer"), web.url("/fallback"));
    let asker = patient();
    let again = ask(&asker, &url, Some(&fallback)).await;
    let answered = "answered with 30 bytes of XML";
    assert_eq!(
        said(&again),
        ["asked 127.0.0.1", "failed: the answer is 500", "asked 127.0.0.1 again", answered]
    );
    let fallen = ask(&asker, &url, Some(&fallback)).await;
    assert_eq!(
        said(&fallen)[2..],
        ["asked 127.0.0.1 again", "failed: the answer is 500", "asked the fallback 127.0.0.1", answered]
    );
    assert_eq!(fallen.answer.unwrap().url.reveal(), fallback);
    let targets: Vec<String> = web.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/answer", "/answer", "/answer", "/answer", "/fallback"]);
}

#[tokio::test]
async fn who_is_told_need_not_answer_with_a_document() {
    let web = Web::start(|request, _| match &*request.target {
        "/gone" => Reply::status(500),
        "/moved" => Reply::redirect(307, "/taken"),
        _ => Reply::status(204),
    })
    .await;
    for (path, times) in [("/taken", 1), ("/gone", 2), ("/moved", 2)] {
        let (url, before) = (web.url(path), web.seen().len());
        let question = Question { url: &url, method: Method::Post, fallback: None, pairs: &pairs() };
        patient()
            .tell(&question, Instant::now() + Duration::from_secs(60), &mut Random::from_number(1))
            .await;
        let seen = web.seen().split_off(before);
        assert!(seen.iter().all(|request| request.target == path && is_signed(request)));
        assert_eq!(seen.len(), times, "{path}");
    }
}

#[tokio::test]
async fn every_fault_is_told_and_tried_twice() {
    let web = Web::start(|request, _| match &*request.target {
        "/missing" => Reply::status(404),
        "/close" => Reply { closes: true, ..Reply::document("") },
        "/late" => Reply::late(Duration::from_secs(60)),
        "/huge" => Reply::document(vec![b'<'; 10 << 20]),
        "/long" => Reply::document(format!("<Response>{}</Response>", " ".repeat(100 * 1024))),
        "/zipped" => Reply::document(HANGUP).with("content-encoding", "gzip"),
        "/empty" => Reply::document(""),
        "/broken" => Reply::document("<Response>\n<Speak>Hello</Response>"),
        "/entity" => Reply::document(
            "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Response>&x;</Response>",
        ),
        "/other" => Reply::document("<Response><Conference>919876500001</Conference></Response>"),
        "/scheme" => Reply::document("<Response><Play>file:///etc/passwd</Play></Response>"),
        _ => Reply::document("{\"response\": 1"),
    })
    .await;
    let (asker, hasty) = (patient(), hasty());
    for (path, fault) in [
        ("/missing", "failed: the answer is 404"),
        ("/close", "failed: the connection fails"),
        ("/late", "failed: no answer in time"),
        ("/huge", "failed: the answer has more than 102400 bytes"),
        ("/long", "failed: the answer has more than 102400 bytes"),
        ("/zipped", "failed: the answer is compressed"),
        ("/empty", "failed: the document is empty"),
        ("/broken", "failed: line 2, column 13: the XML is not well-formed"),
        ("/entity", "failed: line 1, column 1: a DOCTYPE is not allowed"),
        ("/other", "failed: line 1, column 11: <Conference> is not known in <Response>; allowed are"),
        ("/scheme", "failed: a URL in the answer is not http or https, or cannot be read"),
        ("/json", "failed: line 1, column 14: the JSON cannot be read"),
    ] {
        let asker = if path == "/late" { &hasty } else { &asker };
        let outcome = ask(asker, &web.url(path), None).await;
        assert!(outcome.answer.is_none(), "{path}");
        let failed: Vec<String> =
            said(&outcome).into_iter().filter(|step| step.starts_with("failed")).collect();
        assert_eq!(failed.len(), 2, "{path}: {failed:?}");
        assert!(failed.iter().all(|step| step.starts_with(fault)), "{path}: {failed:?}");
        let printed = format!("{outcome:?}{:?}", said(&outcome));
        assert!(!printed.contains(path) && !printed.contains("9876500001"), "{printed}");
    }
    // A port where nobody listens.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let dead = ask(&asker, &format!("http://127.0.0.1:{port}/"), Some(&web.url("/empty"))).await;
    assert_eq!(said(&dead)[1], "failed: nobody takes the connection");
    assert_eq!(
        said(&dead)[3..],
        [
            "failed: nobody takes the connection",
            "asked the fallback 127.0.0.1",
            "answered with 0 bytes of XML",
            "failed: the document is empty",
        ]
    );
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_not_in_a_circle() {
    let web = Web::start(|request, _| match request.target.split('?').next().unwrap() {
        "/moved" => Reply::redirect(308, "moved/there"),
        "/moved/there" => Reply::redirect(302, "/play"),
        "/seen" => Reply::redirect(303, "/play"),
        "/play" => Reply::document("<Response><Play>a.mp3</Play></Response>"),
        "/circle" => Reply::redirect(307, "/back"),
        "/back" => Reply::redirect(307, "/circle"),
        path => Reply::redirect(301, format!("{path}x")),
    })
    .await;
    let asker = patient();
    let moved = ask(&asker, &web.url("/moved"), None).await;
    assert_eq!(moved.answer.unwrap().url.reveal(), web.url("/play"));
    let seen = web.seen();
    assert!(
        seen.iter().all(|request| request.method == "POST" && request.body == FORM && is_signed(request))
    );
    assert!(ask(&asker, &web.url("/seen"), None).await.answer.is_some());
    let last = web.seen().pop().unwrap();
    assert_eq!((&*last.method, last.target), ("GET", format!("/play?{FORM}")));
    assert!(is_signed(&web.seen()[4]));
    let circle = said(&ask(&asker, &web.url("/circle"), None).await);
    assert_eq!(
        circle[1..5],
        ["redirected (307)", "asked 127.0.0.1", "redirected (307)", "failed: the redirects go in a circle"]
    );
    let before = web.seen().len();
    let many = said(&ask(&asker, &web.url("/x"), None).await);
    assert_eq!(many.last().unwrap(), "failed: there are too many redirects");
    assert_eq!(web.seen().len() - before, 2 * 4, "three of them, twice");
}

#[tokio::test]
async fn what_is_not_public_is_not_called_and_not_tried_again() {
    let web = Web::start(|_, _| Reply::document(HANGUP)).await;
    let asker = Asker::new(AskSettings { allow_private: false, ..settings() }).unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let url = format!("http://{host}:{}/", web.port());
        let outcome = ask(&asker, &url, Some(&url)).await;
        let failed: Vec<String> =
            said(&outcome).into_iter().filter(|step| step.starts_with("failed")).collect();
        assert_eq!(failed.len(), 2, "{host}: once, and once as the fallback");
        assert!(
            failed.iter().all(|step| step.contains("is not on the public Internet")),
            "{host}: {failed:?}"
        );
    }
    assert_eq!(web.connections(), 0);
    let nonsense = ask(&asker, "http://user@127.0.0.1/", None).await;
    assert_eq!(said(&nonsense)[1..], ["failed: its URL cannot be read"]);
}

#[tokio::test]
async fn a_slow_service_leaves_the_fallback_its_time_and_the_budget_ends_it() {
    let web = Web::start(|request, _| match &*request.target {
        "/quick" => Reply::document(HANGUP),
        _ => Reply::late(Duration::from_secs(60)),
    })
    .await;
    let (slow, quick) = (web.url("/slow"), web.url("/quick"));
    let (begun, second) = (Instant::now(), Duration::from_secs(1));
    let saved = ask_by(&patient(), &slow, Some(&quick), Method::Post, 6 * second).await;
    assert!(saved.answer.is_some(), "{:?}", said(&saved));
    let late = "failed: no answer in time";
    let expected =
        ["asked 127.0.0.1", late, "asked 127.0.0.1 again", late, "asked the fallback 127.0.0.1", late];
    assert_eq!(said(&saved)[..5], expected[..5]);
    assert!(begun.elapsed() < 6 * second, "{:?}", begun.elapsed());
    let (begun, half) = (Instant::now(), Duration::from_millis(500));
    let lost = ask_by(&patient(), &slow, Some(&slow), Method::Post, half).await;
    assert_eq!(said(&lost), expected);
    assert!(begun.elapsed() < 10 * second, "a try alone may take longer");
    let never = ask_by(&patient(), &quick, None, Method::Post, Duration::ZERO).await;
    assert_eq!(said(&never), ["out of time"]);
}

/// The threads of this process (proc(5)).
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test]
async fn hundreds_that_do_not_answer_cost_no_thread_and_hold_up_nobody() {
    let slow = Web::start(|_, _| Reply::late(Duration::from_secs(600))).await;
    let web = Web::start(|_, _| Reply::document(HANGUP)).await;
    let asker = patient();
    let before = threads();
    let waiting: Vec<_> = (0..400)
        .map(|_| {
            let (asker, url) = (asker.clone(), slow.url("/"));
            tokio::spawn(async move { ask(&asker, &url, None).await.answer.is_some() })
        })
        .collect();
    while slow.seen().len() < 400 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    assert!(ask(&asker, &web.url("/"), None).await.answer.is_some());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // The tests beside this one have a few.
    assert!(threads() < before + 100, "{} threads", threads());
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}
