//! Prompts that are played: files from servers that answer well, and in every way badly, and from this machine.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "the services run in the test's runtime")]

#[path = "prompt/scene.rs"]
mod scene;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "answer/web.rs"]
mod web;

use std::fs;
use std::time::Duration;

use maskline::hook::prompt::{Prepared, PromptFault, PromptSettings, Prompter};
use maskline::voice::{Link, Play, Prompt, Wait};
use scene::{lengths, settings, soon, wav};
use tokio::time::Instant;
use web::{Reply, Web};

const MP3: &[u8] = include_bytes!("../src/audio/reference/stereo.mp3");

fn prompter() -> Prompter {
    Prompter::new(settings()).unwrap()
}

fn play(url: &str) -> Prompt {
    Prompt::Play(Play { link: Link::read(url).unwrap(), times: 1 })
}

async fn prepare(prompter: &Prompter, prompts: &[Prompt]) -> Prepared {
    prompter.prepare(prompts, soon()).await
}

/// The lengths of what is heard of one URL, in ms, or the note on it, without the server's port.
async fn heard(prompter: &Prompter, web: &Web, path: &str) -> Result<Vec<u64>, String> {
    let prepared = prepare(prompter, &[play(&web.url(path))]).await;
    match prepared.notes.first() {
        Some(note) => Err(note.replace(&format!(":{}", web.port()), "")),
        None => Ok(lengths(&prepared)),
    }
}

fn targets(web: &Web) -> Vec<String> {
    web.seen().into_iter().map(|request| request.target).collect()
}

#[tokio::test]
async fn what_can_be_heard_is_heard_in_its_order_and_the_rest_is_told() {
    let web = Web::start(|request, _| match &*request.target {
        "/a.wav" => Reply::document(wav(8_000, 800)),
        "/b.mp3" => Reply::document(MP3),
        _ => Reply::status(404),
    })
    .await;
    let wait = Wait { length: Duration::from_millis(50), until_silence: None, until_beep: false };
    let again = |path: &str, times| Prompt::Play(Play { link: Link::read(&web.url(path)).unwrap(), times });
    let prompts =
        [again("/b.mp3", 0), again("/none?to=919876500001", 1), Prompt::Wait(wait), again("/a.wav", 3)];
    let prepared = prepare(&prompter(), &prompts).await;
    assert_eq!(lengths(&prepared), [300, 50, 100]);
    assert_eq!(prepared.parts.iter().map(|part| part.times).collect::<Vec<_>>(), [0, 1, 3]);
    let note = format!("prompt 2, Play from 127.0.0.1:{}: the answer is 404", web.port());
    assert_eq!(prepared.notes, [note.into()]);
    assert_eq!(web.seen()[0].method, "GET");
}

#[tokio::test]
async fn a_file_is_fetched_once_for_as_long_as_it_is_good() {
    let web = Web::start(|request, _| {
        let reply = Reply::document(wav(8_000, 800));
        match &*request.target {
            "/usual" => reply,
            "/hour" => reply.with("cache-control", "public, max-age=3600"),
            "/once" => reply.with("cache-control", "no-store"),
            _ => reply.with("cache-control", "max-age=0"),
        }
    })
    .await;
    let prompter = prompter();
    for path in ["/usual", "/hour", "/once", "/old"] {
        for _ in 0..2 {
            assert_eq!(heard(&prompter.clone(), &web, path).await, Ok(vec![100]));
        }
    }
    assert_eq!(targets(&web), ["/usual", "/hour", "/once", "/once", "/old", "/old"]);
    assert_eq!(web.seen()[5].header("if-none-match"), None, "it is known by nothing");
}

#[tokio::test]
async fn an_old_file_is_asked_for_by_its_tag_and_its_date() {
    const DATE: &str = "Sun, 22 Nov 2026 10:00:00 GMT";
    let web = Web::start(|request, before| {
        let same = request.header("if-none-match") == Some("\"one\"")
            && request.header("if-modified-since") == Some(DATE);
        match before {
            0 => Reply::document(wav(8_000, 800)).with("etag", "\"one\"").with("last-modified", DATE),
            1 | 2 if same => Reply::status(304),
            _ => Reply::document(wav(8_000, 1_600)).with("etag", "\"two\""),
        }
        .with("cache-control", if before == 2 { "max-age=60" } else { "no-cache" })
    })
    .await;
    let prompter = prompter();
    for _ in 0..4 {
        assert_eq!(heard(&prompter, &web, "/").await, Ok(vec![100]));
    }
    assert_eq!(web.seen().len(), 3, "the third answer said that it is good for a minute");
    let old = Web::start(|_, before| match before {
        0 => Reply::document(wav(8_000, 800)).with("etag", "\"one\"").with("cache-control", "max-age=0"),
        _ => Reply::document(wav(8_000, 1_600)),
    })
    .await;
    assert_eq!(heard(&prompter, &old, "/").await, Ok(vec![100]));
    assert_eq!(heard(&prompter, &old, "/").await, Ok(vec![200]), "it has changed");
    let stray = Web::start(|_, _| Reply::status(304)).await;
    assert_eq!(
        heard(&prompter, &stray, "/").await,
        Err("prompt 1, Play from 127.0.0.1: the answer is 304".to_owned())
    );
}

#[tokio::test]
async fn an_old_file_is_played_while_its_server_is_away_unless_it_forbids_it() {
    let web = Web::start(|request, before| {
        let said = if request.target == "/strict" { "max-age=0, must-revalidate" } else { "max-age=0" };
        match before {
            0..=2 => Reply::document(wav(8_000, 800)).with("cache-control", said),
            _ if request.target == "/gone" => Reply::status(404),
            _ => Reply::status(503),
        }
    })
    .await;
    let prompter = prompter();
    for path in ["/plain", "/strict", "/gone"] {
        assert_eq!(heard(&prompter, &web, path).await, Ok(vec![100]));
    }
    assert_eq!(heard(&prompter, &web, "/plain").await, Ok(vec![100]));
    assert_eq!(heard(&prompter, &web, "/plain").await, Ok(vec![100]));
    assert_eq!(web.seen().len(), 4, "it is not asked again at once");
    for (path, status) in [("/strict", 503), ("/gone", 404)] {
        let note = format!("prompt 1, Play from 127.0.0.1: the answer is {status}");
        assert_eq!(heard(&prompter, &web, path).await, Err(note));
    }
}

#[tokio::test]
async fn fifty_calls_at_once_are_one_download() {
    let web =
        Web::start(|_, _| Reply { late: Duration::from_millis(50), ..Reply::document(wav(8_000, 800)) })
            .await;
    let prompter = prompter();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (prompter, prompts) = (prompter.clone(), [play(&web.url("/a")), play(&web.url("/a"))]);
            tokio::spawn(async move { prepare(&prompter, &prompts).await })
        })
        .collect();
    for call in calls {
        assert_eq!(lengths(&call.await.unwrap()), [100, 100]);
    }
    assert_eq!(web.seen().len(), 1);
}

#[tokio::test]
async fn what_is_no_prompt_is_left_out_and_told() {
    let web = Web::start(|request, _| match &*request.target {
        "/html" => Reply::document("<html>919876500001</html>"),
        "/empty" => Reply::document(""),
        "/silent" => Reply::document(wav(8_000, 0)),
        "/long" => Reply::document(wav(4_000, 4_000 * 601)),
        "/large" => Reply::document(vec![0; 10_000_001]),
        "/zipped" => Reply::document(wav(8_000, 800)).with("content-encoding", "gzip"),
        "/close" => Reply { closes: true, ..Reply::document("") },
        "/lost" => Reply::redirect(302, "ftp://a/"),
        "/circle" => Reply::redirect(307, "/circle?"),
        "/moved" => Reply::redirect(301, "here/a.wav"),
        "/here/a.wav" => Reply::document(wav(8_000, 800)),
        _ => Reply::redirect(302, "/circle"),
    })
    .await;
    let prompter = prompter();
    for (path, fault) in [
        ("/html", "neither WAV nor MP3: save it as WAV, 16-bit PCM, mono, 8000 or 16000 Hz"),
        ("/empty", "neither WAV nor MP3: save it as WAV, 16-bit PCM, mono, 8000 or 16000 Hz"),
        ("/silent", "there is no sound in it"),
        ("/long", "longer than 600 s: cut it"),
        ("/large", "it is larger than 10 MB"),
        ("/zipped", "the answer is compressed"),
        ("/close", "the connection fails"),
        ("/lost", "its URL is not http or https, or cannot be read"),
        ("/circle", "there are too many redirects"),
    ] {
        let note = format!("prompt 1, Play from 127.0.0.1: {fault}");
        assert_eq!(heard(&prompter, &web, path).await, Err(note), "{path}");
    }
    assert_eq!(heard(&prompter, &web, "/moved").await, Ok(vec![100]));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, note) in [
        ("/etc/passwd", "prompt 1, Play: its URL is not http or https, or cannot be read".to_owned()),
        ("file:///etc/passwd", "prompt 1, Play: its URL is not http or https, or cannot be read".to_owned()),
        (&format!("http://{nobody}/"), format!("prompt 1, Play from {nobody}: nobody takes the connection")),
    ] {
        assert_eq!(prepare(&prompter, &[play(url)]).await.notes, [note.into()]);
    }
}

#[tokio::test]
async fn private_addresses_are_refused_where_they_are_not_allowed() {
    let web = Web::start(|_, _| Reply::document(wav(8_000, 800))).await;
    let closed = Prompter::new(PromptSettings { allow_private: false, ..settings() }).unwrap();
    let fault = "its host is not on the public Internet: set allow_private_webhooks if it is to be called";
    assert_eq!(heard(&closed, &web, "/").await, Err(format!("prompt 1, Play from 127.0.0.1: {fault}")));
    assert!(web.seen().is_empty() && web.connections() == 0);
}

#[tokio::test]
async fn a_slow_server_holds_up_neither_the_call_nor_the_others() {
    let web = Web::start(|request, _| match &*request.target {
        "/quick" => Reply::document(wav(8_000, 800)),
        _ => Reply::late(Duration::from_secs(600)),
    })
    .await;
    let prompter = prompter();
    let slow: Vec<Prompt> = (0..100).map(|number| play(&web.url(&format!("/slow/{number}")))).collect();
    let calls = prompter.clone();
    let waiting = tokio::spawn(async move { prepare(&calls, &slow).await });
    while web.seen().len() < 100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(heard(&prompter, &web, "/quick").await, Ok(vec![100]));
    waiting.abort();
    let prompts = [play(&web.url("/slow/1")), play(&web.url("/quick"))];
    let begun = Instant::now();
    let prepared = prompter.prepare(&prompts, begun + Duration::from_millis(100)).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(lengths(&prepared), [100], "what is there is heard");
    assert!(prepared.notes[0].ends_with(": it was not there in time"), "{:?}", prepared.notes);
    let hasty = Prompter::new(PromptSettings { timeout: Duration::from_millis(100), ..settings() }).unwrap();
    let note = "prompt 1, Play from 127.0.0.1: no answer in time".to_owned();
    assert_eq!(heard(&hasty, &web, "/slow").await, Err(note));
}

#[tokio::test]
async fn memory_is_bounded() {
    let web = Web::start(|_, _| Reply::document(wav(8_000, 8_000))).await;
    let small = Prompter::new(PromptSettings { memory: 110_000, ..settings() }).unwrap();
    for path in ["/a", "/b", "/a", "/c", "/a", "/b"] {
        assert_eq!(heard(&small, &web, path).await, Ok(vec![1_000]));
    }
    assert_eq!(targets(&web), ["/a", "/b", "/c", "/b"], "two have room, and /a was used");
}

#[tokio::test]
async fn a_file_of_this_machine_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("greeting.wav");
    let prompter = prompter();
    let ms = async || prompter.file(&path, soon()).await.map(|clip| clip.ms());
    assert_eq!(ms().await, Err(PromptFault::File(std::io::ErrorKind::NotFound)));
    fs::write(&path, wav(8_000, 800)).unwrap();
    assert_eq!(ms().await, Ok(100));
    let first = prompter.file(&path, soon()).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &prompter.file(&path, soon()).await.unwrap()), "it is kept");
    fs::write(&path, wav(8_000, 1_600)).unwrap();
    assert_eq!(ms().await, Ok(200));
    fs::write(&path, vec![0; 10_000_001]).unwrap();
    assert_eq!(ms().await, Err(PromptFault::Large));
    assert_eq!(
        prompter.file(folder.path(), soon()).await.err(),
        Some(PromptFault::File(std::io::ErrorKind::InvalidInput))
    );
}
