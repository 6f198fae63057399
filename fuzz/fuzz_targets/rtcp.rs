//! Any datagram at an RTCP port: reading does not panic, and a report made after it can be read.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use maskline::base::{Random, Side};
use maskline::relay::{Endpoint, OWN, Port, Relay, RelayId};
use maskline::rtp::Heard;

const A: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4000);

fuzz_target!(|data: &[u8]| {
    let start = Instant::now();
    let mut random = Random::from_number(1);
    let mut relay = Relay::new(RelayId(1), start, Duration::from_secs(30), &mut random);
    let sources = vec![A.ip().into()];
    let endpoint = Endpoint { rtp: Some(A), sources, receives: true, sends: true, ..Endpoint::default() };
    relay.set(start, Side::A, endpoint, &mut random);
    let mut buffer = [0; OWN];
    for second in 1..20 {
        let now = start + Duration::from_secs(second);
        relay.rtcp(now, Side::A, SocketAddr::new(A.ip(), 4001), data);
        while let Some(transmit) = relay.due(now, &mut random, &mut buffer) {
            if transmit.port == Port::Rtcp {
                Heard::read(&buffer[..transmit.length], 0).expect("what we report can be read");
            }
        }
    }
    let quality = relay.quality();
    assert!(quality[0].round_trip_ms.is_none_or(|trip| trip >= 0.0));
});
