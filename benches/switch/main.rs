//! What a call costs in the pure machines: a transaction's life, and a whole call in the switch.

mod script;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use maskline::sip::Status;
use maskline::transaction::{ClientInvite, ClientRequest, RequestHead, ServerInvite, ServerRequest, Timings};

use script::Script;

/// Calls that are played one after the other before a switch starts anew; their transactions outlive them.
const CALLS: usize = 2_000;

#[expect(clippy::disallowed_methods, reason = "a bench needs some moment to begin with")]
fn start() -> Instant {
    Instant::now()
}

fn head() -> RequestHead {
    RequestHead {
        uri: "sip:+919876500002@203.0.113.10".into(),
        via: "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKa3f1c6b2d4e5f607;rport".into(),
        routes: Vec::new(),
        from: "<sip:+918045550102@198.51.100.7>;tag=k3j2h4g5".into(),
        to: "<sip:+919876500002@203.0.113.10>".into(),
        call_id: "q5zsy3mcbf7x2aphn4kd6wtg".into(),
        cseq: 1,
        max_forwards: 20,
    }
}

/// Each machine from its start to its end, over UDP: its messages and its timers.
fn transactions(c: &mut Criterion) {
    let (now, timings) = (start(), Timings::default());
    let message = Bytes::from_static(&[b'x'; 900]);
    let later = now + Duration::from_millis(1);
    let to = "<sip:+919876500002@203.0.113.10>;tag=as58f4201b";
    let mut group = c.benchmark_group("transaction");
    group.bench_function("client INVITE, 100 180 200", |b| {
        b.iter(|| {
            let mut invite = ClientInvite::new(now, timings, false, head(), message.clone());
            for status in [Status::TRYING, Status::RINGING, Status::OK] {
                black_box(invite.on_response(later, status, to));
            }
            invite.deadline().and_then(|end| invite.expire(end))
        });
    });
    group.bench_function("client INVITE, 100 486 with its ACK", |b| {
        b.iter(|| {
            let mut invite = ClientInvite::new(now, timings, false, head(), message.clone());
            for status in [Status::TRYING, Status::BUSY_HERE] {
                black_box(invite.on_response(later, status, to));
            }
            invite.deadline().and_then(|end| invite.expire(end))
        });
    });
    group.bench_function("server INVITE, 100 180 200 ACK", |b| {
        b.iter(|| {
            let mut invite = ServerInvite::new(timings, false);
            for status in [Status::TRYING, Status::RINGING, Status::OK] {
                black_box(invite.respond(later, status, &message));
            }
            invite.on_dialog_ack();
            invite.deadline().and_then(|end| invite.expire(end))
        });
    });
    group.bench_function("client BYE", |b| {
        b.iter(|| {
            let mut bye = ClientRequest::new(now, timings, false, message.clone());
            black_box(bye.on_response(later, Status::OK));
            bye.deadline().and_then(|end| bye.expire(end))
        });
    });
    group.bench_function("server BYE", |b| {
        b.iter(|| {
            let mut bye = ServerRequest::new(timings, false);
            black_box(bye.respond(later, Status::OK, &message));
            bye.deadline().and_then(|end| bye.expire(end))
        });
    });
    group.finish();
}

/// A whole call: INVITE, 180, 200, ACK and BYE of two legs, the decision and the record, down to the last timer.
/// Time per iteration is time per call.
fn calls(c: &mut Criterion) {
    let script = Script::record(start(), CALLS);
    c.bench_function("switch/call from INVITE to its last timer", |b| {
        b.iter_custom(|calls| {
            let mut left = usize::try_from(calls).expect("a bench does fewer calls");
            let mut taken = Duration::ZERO;
            while left > 0 {
                let count = left.min(CALLS);
                taken += script.play(count);
                left -= count;
            }
            taken
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20);
    targets = transactions, calls
}
criterion_main!(benches);
