//! Any bytes as a description: reading does not panic, and what is read can be said and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maskline::sdp::{Local, parse, pick_sdp, write};

fuzz_target!(|data: &[u8]| {
    let _ = pick_sdp("multipart/mixed;boundary=b", data);
    let Ok(read) = parse(data) else { return };
    let Some(audio) = read.audio.filter(|audio| audio.rtcp_target().is_some()) else { return };
    let said = write(&Local {
        session_id: 1,
        version: 1,
        address: audio.address,
        port: audio.port,
        rtcp_port: audio.rtcp.map_or(audio.port.wrapping_add(1), |rtcp| rtcp.port()),
        formats: &audio.formats,
        direction: audio.direction,
        ptime: audio.ptime,
        profile: audio.profile,
        lines: &read.lines,
    });
    let again = parse(&said).expect("what we write can be read");
    assert_eq!(again.lines, read.lines);
    let again = again.audio.expect("the audio stream is still there");
    assert_eq!((again.address, again.port, again.formats), (audio.address, audio.port, audio.formats));
    assert_eq!((again.direction, again.ptime, again.profile), (audio.direction, audio.ptime, audio.profile));
});
