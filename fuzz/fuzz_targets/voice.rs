//! Any bytes as a voice document, in either form: reading does not panic and keeps to its bounds, nothing of what was
//! read prints a number, and every URL in it can be resolved or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maskline::hook::answer::resolve;
use maskline::voice::{limits, read, read_json, read_xml};

fuzz_target!(|data: &[u8]| {
    let media_type = Some("text/xml; charset=iso-8859-1");
    for read in [read(media_type, data, limits::DOCUMENT), read_xml(data, 4096), read_json(data, 4096)] {
        let printed = format!("{read:?}");
        assert!(!printed.contains("9876500001"), "{printed}");
        let Ok(mut read) = read else { continue };
        assert!(read.warnings.len() <= limits::WARNINGS);
        assert!(read.response.elements.len() <= limits::ELEMENTS);
        let resolved = read.response.each_link(&mut |link| {
            *link = resolve("https://a.example/b/c?d", link.reveal()).ok_or(())?;
            Ok::<(), ()>(())
        });
        let again = read.response.each_link(&mut |link| match resolve("http://other", link.reveal()) {
            Some(same) if same == *link => Ok(()),
            _ => Err(()),
        });
        assert!(resolved.is_err() || again.is_ok(), "what is resolved stays what it is");
    }
});
