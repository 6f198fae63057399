//! Prompts that are spoken: by a script in the place of an engine, and by espeak-ng.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::disallowed_methods, reason = "calls run in the test's runtime")]

#[path = "prompt/scene.rs"]
mod scene;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maskline::base::settings::Speech;
use maskline::hook::prompt::{Heard, PromptSettings, Prompter};
use maskline::voice::{Hidden, Prompt, Speak, Voice};
use scene::{lengths, settings, soon, wav};
use tempfile::TempDir;

/// A folder with an engine in it that notes each of its runs.
struct Booth {
    folder: TempDir,
    speech: Speech,
}

impl Booth {
    /// One whose engine is a script, run after it has noted its arguments in `runs`. In the folder is `sound.wav`, of
    /// 100 ms.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("sound.wav"), wav(8_000, 800)).unwrap();
        let script = format!("cd '{}'\necho \"$*\" >>runs\n{script}\n", folder.path().display());
        fs::write(path("engine"), script).unwrap();
        let engine = path("engine");
        let command = ["sh", engine.to_str().unwrap(), "{language}", "--voice={voice}", "{espeak}"];
        let speech = Speech {
            command: command.map(str::to_owned).to_vec(),
            cache: path("speech"),
            cache_bytes: 1_000_000,
            ..settings().speech
        };
        Self { folder, speech }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn prompter(&self) -> Prompter {
        Prompter::new(PromptSettings { speech: self.speech.clone(), ..settings() }).unwrap()
    }

    fn runs(&self) -> Vec<String> {
        let runs = fs::read_to_string(self.path("runs")).unwrap_or_default();
        runs.lines().map(str::to_owned).collect()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("speech")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn speak(text: &str) -> Prompt {
    speak_as(text, "en-US", Voice::Woman)
}

fn speak_as(text: &str, language: &str, voice: Voice) -> Prompt {
    Prompt::Speak(Speak { text: Hidden::new(text), voice, language: language.into(), times: 2 })
}

/// The lengths of what is heard, in ms, or the first note.
async fn heard(prompter: &Prompter, prompts: &[Prompt]) -> Result<Vec<u64>, String> {
    let prepared = prompter.prepare(prompts, soon()).await;
    prepared.notes.first().map_or_else(|| Ok(lengths(&prepared)), |note| Err(note.to_string()))
}

fn failed(fault: &str) -> Result<Vec<u64>, String> {
    Err(format!("prompt 1, Speak: {fault}"))
}

#[tokio::test]
async fn the_text_goes_in_and_sound_comes_out() {
    let booth = Booth::new("cat >text; tr '\\0' '\\n' </proc/$$/cmdline >seen; cat sound.wav");
    let text = "Call 919876500001 & say \"नमस्ते\" -- $(id)";
    let prepared = booth.prompter().prepare(&[speak(text)], soon()).await;
    assert_eq!((lengths(&prepared), prepared.parts[0].times), (vec![100], 2));
    assert_eq!(fs::read_to_string(booth.path("text")).unwrap(), format!("{text}\n"));
    let seen = fs::read_to_string(booth.path("seen")).unwrap();
    assert!(seen.contains("--voice=woman") && !seen.contains("9876500001"), "no text in an argument: {seen}");
}

#[tokio::test]
async fn the_command_is_told_the_language_and_the_voice() {
    let booth = Booth::new("cat sound.wav");
    let prompts = [
        speak_as("a", "hi-IN", Voice::Man),
        speak_as("a", "es-MX", Voice::Woman),
        speak_as("a", "en-IN", Voice::Named("Polly.Aditi".into())),
        speak_as("a", "en", Voice::Named("--help".into())),
    ];
    for prompt in &prompts {
        assert_eq!(heard(&booth.prompter(), std::slice::from_ref(prompt)).await, Ok(vec![100]));
    }
    assert_eq!(
        booth.runs(),
        [
            "hi-IN --voice=man hi-in",
            "es-MX --voice=woman es-419+f2",
            "en-IN --voice=Polly.Aditi en-in+f2",
            "en --voice=help en+f2"
        ]
    );
    let odd = heard(&booth.prompter(), &[speak_as("a", "--help", Voice::Man)]).await;
    assert_eq!(odd, failed("its language is none: write one as in en-US"));
    assert_eq!(booth.runs().len(), 4);
}

#[tokio::test]
async fn a_text_is_spoken_once_also_over_a_restart() {
    let booth = Booth::new("cat sound.wav");
    let prompter = booth.prompter();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let prompter = prompter.clone();
            tokio::spawn(async move { heard(&prompter, &[speak("hello"), speak("hello")]).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(vec![100, 100]));
    }
    assert_eq!(heard(&booth.prompter(), &[speak("hello")]).await, Ok(vec![100]));
    assert_eq!(booth.runs().len(), 1);
    let [file] = &booth.kept()[..] else { panic!("one file: {:?}", booth.kept()) };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(&booth.path("speech"))), (0o600, 0o700));
    let name = file.file_stem().unwrap().to_str().unwrap();
    assert!(name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    for (other, runs) in [(speak("hello!"), 2), (speak_as("hello", "en-US", Voice::Man), 3)] {
        assert_eq!(heard(&booth.prompter(), &[other]).await, Ok(vec![100]));
        assert_eq!(booth.runs().len(), runs, "something else");
    }
    fs::write(file, "damaged").unwrap();
    assert_eq!(heard(&booth.prompter(), &[speak("hello")]).await, Ok(vec![100]));
    assert_eq!(booth.runs().len(), 4, "what is damaged is spoken again");
    assert_eq!(fs::read(file).unwrap(), wav(8_000, 800));
    prompter.forget_speech().await.unwrap();
    assert!(booth.kept().is_empty());
    assert_eq!(heard(&prompter, &[speak("hello")]).await, Ok(vec![100]));
    assert_eq!(booth.runs().len(), 5, "what is forgotten is spoken again");
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_done_without() {
    let mut booth = Booth::new("cat sound.wav");
    booth.speech.cache_bytes = 0;
    assert_eq!(heard(&booth.prompter(), &[speak("a")]).await, Ok(vec![100]));
    assert!(!booth.path("speech").exists());
    fs::write(booth.path("speech"), "a file").unwrap();
    booth.speech.cache_bytes = 1_000_000;
    let prompter = booth.prompter();
    for _ in 0..2 {
        assert_eq!(heard(&prompter, &[speak("a")]).await, Ok(vec![100]));
    }
    assert_eq!(booth.runs().len(), 2, "memory has it");
}

#[tokio::test]
async fn a_command_that_fails_is_told() {
    let unknown = "neither WAV nor MP3: save it as WAV, 16-bit PCM, mono, 8000 or 16000 Hz";
    let speech = "the speech command failed: it may not know the language; run it by hand to see why";
    for (script, fault) in [
        ("echo 919876500001; cat", unknown),
        ("exit 0", unknown),
        ("cat sound.wav; exit 3", speech),
        ("kill -9 $$", speech),
        ("head -c 32000001 /dev/zero", "the speech command wrote more than 32 MB"),
        ("exec cat /dev/zero", "the speech command wrote more than 32 MB"),
    ] {
        let booth = Booth::new(script);
        assert_eq!(heard(&booth.prompter(), &[speak("a")]).await, failed(fault), "{script}");
        assert!(booth.kept().is_empty(), "{script}");
    }
    let prompter = Prompter::new(settings()).unwrap();
    let missing = "nothing speaks here: install espeak-ng, or set [speech] command";
    assert_eq!(heard(&prompter, &[speak("a")]).await, failed(missing));
    let mut booth = Booth::new("cat sound.wav");
    booth.speech.command.remove(0);
    let denied = heard(&booth.prompter(), &[speak("a")]).await;
    assert_eq!(denied, failed("the speech command cannot be started: permission denied"));
    let long = "a text of some length. ".repeat(50_000);
    let booth = Booth::new("exec <&-; cat sound.wav");
    assert_eq!(heard(&booth.prompter(), &[speak(&long)]).await, Ok(vec![100]), "it reads nothing");
}

/// Whether a process is there (proc(5)); one that has ended and waits to be noticed is not.
fn is_running(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_that_it_started() {
    let mut booth = Booth::new("sleep 600 & echo $! >child; echo $$ >own; wait");
    booth.speech.timeout = Duration::from_millis(500);
    let slow = "the speech command took longer than [speech] timeout";
    assert_eq!(heard(&booth.prompter(), &[speak("a")]).await, failed(slow));
    for name in ["own", "child"] {
        let id = fs::read_to_string(booth.path(name)).unwrap();
        let end = soon();
        while is_running(id.trim()) {
            assert!(tokio::time::Instant::now() < end, "{name} goes on");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn so_many_speak_at_a_time_and_who_waits_too_long_is_told() {
    let count =
        "echo >in.$$; ls in.* | wc -l >>most; until [ -e go ]; do sleep 0.01; done; rm in.$$; cat sound.wav";
    let booth = Booth::new(count);
    let prompter = booth.prompter();
    let texts: Vec<Prompt> = (0..5).map(|number| speak(&format!("text {number}"))).collect();
    let call = tokio::spawn(async move { heard(&prompter, &texts).await });
    while booth.runs().len() < 2 {
        tokio::task::yield_now().await;
    }
    fs::write(booth.path("go"), "").unwrap();
    assert_eq!(call.await.unwrap(), Ok(vec![100; 5]));
    let most = fs::read_to_string(booth.path("most")).unwrap();
    assert_eq!(most.lines().map(|line| line.trim().parse::<u32>().unwrap()).max(), Some(2));

    let mut booth = Booth::new("exec sleep 600");
    (booth.speech.timeout, booth.speech.at_once) = (Duration::from_millis(300), 1);
    let prepared = booth.prompter().prepare(&["a", "b", "c"].map(speak), soon()).await;
    for fault in ["has too much to do", "took longer than [speech] timeout"] {
        assert!(prepared.notes.iter().any(|note| note.contains(fault)), "{fault}: {:?}", prepared.notes);
    }
    assert_eq!(prepared.notes.len(), 3);
}

/// What is left out for its lateness is done all the same.
#[tokio::test]
async fn a_call_does_not_wait_beyond_its_end_and_the_next_has_it() {
    let booth = Booth::new("until [ -e go ]; do sleep 0.01; done; cat sound.wav");
    let prompter = booth.prompter();
    let late = prompter.prepare(&[speak("a")], tokio::time::Instant::now() + Duration::from_millis(50)).await;
    assert_eq!(late.notes, ["prompt 1, Speak: it was not there in time".into()]);
    fs::write(booth.path("go"), "").unwrap();
    assert_eq!(heard(&prompter, &[speak("a")]).await, Ok(vec![100]));
    assert_eq!(booth.runs().len(), 1);
}

#[tokio::test]
async fn espeak_ng_speaks() {
    let command = ["espeak-ng", "-v", "{espeak}", "--stdin", "--stdout"].map(str::to_owned).to_vec();
    let prompter =
        Prompter::new(PromptSettings { speech: Speech { command, ..settings().speech }, ..settings() })
            .unwrap();
    let prompts = [
        speak("Please hold the line."),
        speak_as("Please hold the line.", "en-US", Voice::Man),
        speak_as("कृपया प्रतीक्षा करें", "hi-IN", Voice::Woman),
    ];
    let prepared = prompter.prepare(&prompts, soon()).await;
    assert!(prepared.notes.is_empty(), "{:?}", prepared.notes);
    let mut voices = Vec::new();
    for part in &prepared.parts {
        let Heard::Clip(clip) = &part.what else { panic!("a clip") };
        assert!((700..6_000).contains(&clip.ms()), "{clip:?}");
        // Speech is loud in frames of 20 ms, and between words it is not.
        let loudness = |frame: &[i16]| {
            let energy: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            (energy / frame.len() as f64).sqrt()
        };
        let loud: Vec<f64> = clip.samples(16_000).chunks(320).map(loudness).collect();
        let above = loud.iter().filter(|frame| **frame > 1_000.0).count();
        assert!(above * 3 > loud.len(), "{above} of {} frames", loud.len());
        assert!(loud.iter().any(|frame| *frame < 200.0), "it ends in silence");
        voices.push(clip.samples(16_000).to_vec());
    }
    assert_ne!(voices[0], voices[1], "a woman's voice and a man's");
    let none = heard(&prompter, &[speak_as("a", "xx", Voice::Man)]).await;
    assert!(none.unwrap_err().contains("it may not know the language"));
}
