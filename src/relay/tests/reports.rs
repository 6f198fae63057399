//! RTCP, ended at each side.

use rtcp_types::{Compound, Packet as Rtcp};

use super::*;
use crate::rtp::{Block, Goodbye, Heard, Report, Sent as Info};

const REMOTE: &str = "192.0.2.1:4001";

fn write(report: &Report<'_>) -> Vec<u8> {
    let mut buffer = [0; OWN];
    let length = report.write(&mut buffer);
    buffer[..length].to_vec()
}

fn hear(world: &mut World, source: &str, report: &Report<'_>) {
    world.relay.rtcp(world.now, Side::A, source.parse().unwrap(), &write(report));
}

const QUIET: Report<'_> =
    Report { ssrc: 1, sent: None, block: None, cname: b"alice@laptop", goodbye: Goodbye::No };

#[test]
fn each_side_gets_reports_of_its_own() {
    let mut world = World::new();
    world.talk(Side::A, 100, 50);
    let sent = world.run(Duration::from_secs(60));
    for side in [Side::A, Side::B] {
        let reports: Vec<_> = sent.iter().filter(|sent| sent.side == side && !is_rtp(sent)).collect();
        assert!((9..=20).contains(&reports.len()), "every 5 s or so, but unevenly: {}", reports.len());
        let target = [REMOTE, "[2001:db8::2]:6001"][side.index()];
        assert!(reports.iter().all(|report| report.to == target.parse().unwrap()));
    }
    let first = |side| sent.iter().find(|sent: &&Sent| sent.side == side && !is_rtp(sent)).unwrap();
    assert_eq!(first(Side::A).bytes[1], 201, "we have sent A nothing: a receiver report");
    assert_eq!(first(Side::B).bytes[1], 200, "a sender report");
    assert_ne!(cname(&first(Side::A).bytes), cname(&first(Side::B).bytes));
    assert_eq!(cname(&first(Side::A).bytes).len(), 24);
}

fn cname(bytes: &[u8]) -> Vec<u8> {
    let packets = Compound::parse(bytes).unwrap().map(Result::unwrap);
    let names = packets.filter_map(|packet| match packet {
        Rtcp::Sdes(sdes) => Some(sdes.chunks().next()?.items().next()?.value().to_vec()),
        _ => None,
    });
    names.last().expect("a description in each compound")
}

#[test]
fn a_sender_report_tells_what_was_sent() {
    let mut world = World::new();
    let last = world.talk(Side::A, 100, 100).pop().flatten().unwrap().rtp();
    let report = world.run(Duration::from_secs(4)).into_iter().find(|sent| sent.side == Side::B).unwrap();
    let Some(Ok(Rtcp::Sr(sender))) = Compound::parse(&report.bytes).unwrap().next() else { panic!() };
    assert_eq!((sender.ssrc(), sender.packet_count(), sender.octet_count()), (last.ssrc, 100, 16000));
    let since = report.after - MS(1980);
    let expected = last.timestamp.wrapping_add(since.as_millis() as u32 * 8);
    let off = sender.rtp_timestamp().wrapping_sub(expected).cast_signed();
    assert!(off.abs() <= 8, "the same moment on both clocks: {off}");
    assert_eq!(sender.n_reports(), 0, "B has sent nothing to report on");
}

#[test]
fn loss_and_times_are_reported_to_the_side_that_sent() {
    let mut world = World::new();
    world.talk(Side::A, 100, 10);
    world.talk(Side::A, 112, 10);
    let ntp = 0x1234_5678_9abc_def0;
    let sent = Some(Info { ntp, timestamp: 0, packets: 20, octets: 0 });
    hear(&mut world, REMOTE, &Report { sent, ..QUIET });
    let heard_at = world.now - world.start;
    let report = world.run(Duration::from_secs(4)).into_iter().find(|sent| sent.side == Side::A).unwrap();
    let block = Heard::read(&report.bytes, 1).unwrap().block.unwrap();
    assert_eq!((block.lost, block.highest, block.fraction), (2, 121, 23), "2 of 22 in 256ths");
    assert_eq!(block.last_report, 0x5678_9abc);
    let delay = f64::from(block.delay) / 65536.0;
    assert!((delay - (report.after - heard_at).as_secs_f64()).abs() < 0.001);
    assert_eq!(world.quality(Side::A).packets_lost, 2);
}

#[test]
fn round_trip_and_remote_loss_are_measured() {
    let mut world = World::new();
    world.talk(Side::B, 1, 10);
    let report = world.run(Duration::from_secs(4)).into_iter().find(|sent| sent.side == Side::A).unwrap();
    let ntp = Heard::read(&report.bytes, 0).unwrap().sender.unwrap().1;
    let ours = world.relay.legs[0].outgoing.ssrc();
    world.now = world.start + report.after + MS(580);
    let block = Block { ssrc: ours, lost: 4, last_report: ntp, delay: 65536 / 2, ..Block::default() };
    hear(&mut world, REMOTE, &Report { block: Some(block), ..QUIET });
    let quality = world.quality(Side::A);
    let trip = quality.round_trip_ms.unwrap();
    assert!((trip - 80.0).abs() < 0.1, "{trip}");
    assert_eq!(quality.remote_lost, Some(4));
    assert_eq!(world.quality(Side::B).round_trip_ms, None);
}

#[test]
fn reports_from_elsewhere_are_refused() {
    let mut world = World::new();
    world.talk(Side::A, 1, 1);
    hear(&mut world, "203.0.113.5:4001", &QUIET);
    hear(&mut world, REMOTE, &QUIET);
    hear(&mut world, "192.0.2.1:5555", &QUIET);
    assert_eq!(world.quality(Side::A).dropped, 2);
}

#[test]
fn reports_on_the_rtp_port_count_from_its_source() {
    let mut world = World::new();
    let bytes = write(&QUIET);
    assert_eq!(world.send(Side::A, &bytes), None);
    assert_eq!(world.quality(Side::A).dropped, 1, "not locked yet");
    world.talk(Side::A, 1, 1);
    assert_eq!(world.send(Side::A, &bytes), None);
    assert_eq!(world.quality(Side::A).dropped, 1);
}

#[test]
fn goodbye_is_said_to_those_who_heard_of_us() {
    let mut world = World::new();
    let mut buffer = [0; OWN];
    assert_eq!(world.relay.goodbye(world.now, Side::A, &mut buffer), None);
    world.run(Duration::from_secs(10));
    let bye = world.relay.goodbye(world.now, Side::A, &mut buffer).unwrap();
    assert_eq!((bye.port, bye.to), (Port::Rtcp, REMOTE.parse().unwrap()));
    let last = Compound::parse(&buffer[..bye.length]).unwrap().last();
    let Some(Ok(Rtcp::Bye(bye))) = last else { panic!("{last:?}") };
    assert_eq!(bye.reason(), None);
}

#[test]
fn a_side_that_cannot_be_reached_is_sent_nothing() {
    let mut world = World::new();
    world.change(Side::A, |a| a.rtp = None);
    assert!(world.run(Duration::from_secs(60)).iter().all(|sent| sent.side == Side::B));
}
