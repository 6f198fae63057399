//! Any text as a URI, an address and a Via: reading does not panic, and what is read reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maskline::sip::{Address, Uri, Via};

fuzz_target!(|text: &str| {
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert!(uri.is_equivalent(&uri.detached()));
        let _ = (uri.user(), uri.host(), uri.port(), uri.is_loose_router(), uri.params().count());
        let address = Address::parse(&format!("<{text}>;tag=1")).expect("a URI in brackets is an address");
        assert_eq!((address.uri(), address.tag()), (&uri, Some("1")));
    }
    if let Ok(address) = Address::parse(text) {
        assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
        let _ = (address.display(), address.params().count());
    }
    if let Ok(via) = Via::parse(text) {
        assert_eq!(Via::parse(via.as_str()), Ok(via.clone()));
        let _ = (via.host(), via.received(), via.rport(), via.params().count());
    }
});
