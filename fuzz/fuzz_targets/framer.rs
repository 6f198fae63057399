//! Any bytes as a stream: however it arrives, the same messages come out of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maskline::sip::{Frame, Framer, StreamFault, limits};

fn read(data: &[u8], size: usize) -> (Vec<Frame>, Option<StreamFault>) {
    let mut framer = Framer::new();
    let mut messages = Vec::new();
    for chunk in data.chunks(size) {
        framer.push(chunk);
        loop {
            match framer.next() {
                Ok(Some(frame @ Frame::Message(_))) => messages.push(frame),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(fault) => return (messages, Some(fault)),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|data: &[u8]| {
    let (messages, fault) = read(data, data.len().max(1));
    for frame in &messages {
        let Frame::Message(bytes) = frame else { continue };
        assert!(bytes.len() <= limits::MESSAGE);
    }
    for size in [1, 7] {
        let (others, other) = read(data, size);
        assert_eq!(others, messages);
        assert_eq!(other.is_some(), fault.is_some());
    }
});
