//! RTCP with one side (RFC 3550 section 6): it ends here. What the side reports is measured, and what we report is
//! our own: a random name, and a wall clock that began at random, so that nothing is told of this host or of the
//! other leg.

use std::time::{Duration, Instant};

use super::outgoing::Outgoing;
use super::reception::Reception;
use crate::base::Random;
use crate::rtp::{Goodbye, Heard, Report, Sent};

/// The mean time between our reports (RFC 3550 section 6.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// A round trip longer than this is no measurement.
const LONGEST_TRIP: u32 = 60 << 16;
/// Characters of five random bits each: 120 bits, where RFC 7022 section 4.2 wants 96.
const NAME: usize = 24;

/// RTCP with one side.
#[derive(Debug)]
pub(super) struct Reporter {
    name: [u8; NAME],
    /// The wall clock of this leg: its time when the relay began.
    epoch: (Instant, u64),
    /// The next report; `None` until the side takes part.
    due: Option<Instant>,
    /// The last sender report heard: of whom, its time, and when.
    heard: Option<(u32, u32, Instant)>,
    round_trip: Option<Duration>,
    remote_lost: Option<u64>,
    reported: bool,
}

impl Reporter {
    pub(super) fn new(now: Instant, random: &mut Random) -> Self {
        let mut name = [0; NAME];
        name.copy_from_slice(random.token(NAME).as_bytes());
        let begin = random.next_u64() >> 1;
        Self {
            name,
            epoch: (now, begin),
            due: None,
            heard: None,
            round_trip: None,
            remote_lost: None,
            reported: false,
        }
    }

    /// The side takes part from now on: the first report comes after half an interval.
    pub(super) fn begin(&mut self, now: Instant, random: &mut Random) {
        if self.due.is_none() {
            self.due = Some(now + spread(INTERVAL / 2, random));
        }
    }

    /// When the next report is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Sets the report after one that is due; false where none is.
    pub(super) fn take_due(&mut self, now: Instant, random: &mut Random) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = Some(now + spread(INTERVAL, random));
        }
        due
    }

    /// Our time: the seconds and fractions since a beginning drawn at random (RFC 3550 section 4 allows a clock
    /// that only counts).
    fn ntp(&self, now: Instant) -> u64 {
        let (began, start) = self.epoch;
        let since = now.saturating_duration_since(began);
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        start.wrapping_add((since.as_secs() << 32).wrapping_add(fraction))
    }

    /// Measures by a compound packet of the side.
    pub(super) fn hear(&mut self, now: Instant, heard: &Heard) {
        if let Some((ssrc, time)) = heard.sender {
            self.heard = Some((ssrc, time, now));
        }
        let Some(block) = heard.block else { return };
        self.remote_lost = Some(u64::try_from(block.lost).unwrap_or(0));
        let trip = middle(self.ntp(now)).wrapping_sub(block.last_report).wrapping_sub(block.delay);
        if block.last_report != 0 && self.reported && trip < LONGEST_TRIP {
            self.round_trip = Some(Duration::from_nanos((u64::from(trip) * 1_000_000_000) >> 16));
        }
    }

    /// Writes a report on what came and went, and gives its length.
    pub(super) fn write(
        &mut self,
        now: Instant,
        reception: &mut Reception,
        outgoing: &Outgoing,
        goodbye: Goodbye,
        buffer: &mut [u8],
    ) -> usize {
        let mut block = reception.block();
        if let (Some(block), Some((ssrc, time, at))) = (&mut block, self.heard)
            && block.ssrc == ssrc
        {
            block.last_report = time;
            block.delay = delay(now.saturating_duration_since(at));
        }
        let (packets, octets) = outgoing.sent();
        let sent = outgoing.has_sent_within(now, 2 * INTERVAL).then(|| Sent {
            ntp: self.ntp(now),
            timestamp: outgoing.timestamp(now),
            packets: (packets & 0xffff_ffff) as u32,
            octets: (octets & 0xffff_ffff) as u32,
        });
        self.reported = true;
        Report { ssrc: outgoing.ssrc(), sent, block, cname: &self.name, goodbye }.write(buffer)
    }

    /// Whether the side has had a report of ours, so that it is owed a good-bye.
    pub(super) fn has_reported(&self) -> bool {
        self.reported
    }

    /// The last round trip.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What the side says it missed.
    pub(super) fn remote_lost(&self) -> Option<u64> {
        self.remote_lost
    }
}

fn middle(ntp: u64) -> u32 {
    ((ntp >> 16) & 0xffff_ffff) as u32
}

/// In 65,536ths of a second.
fn delay(span: Duration) -> u32 {
    let fraction = (u64::from(span.subsec_nanos()) << 16) / 1_000_000_000;
    u32::try_from((span.as_secs() << 16) + fraction).unwrap_or(u32::MAX)
}

/// Between half and one and a half times the interval (RFC 3550 section 6.2), so that reports do not march in step.
fn spread(interval: Duration, random: &mut Random) -> Duration {
    interval / 2 + interval.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Block;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment to begin with")]
        Instant::now()
    }

    fn block(last_report: u32, delay: u32) -> Heard {
        Heard { sender: None, block: Some(Block { last_report, delay, lost: -3, ..Block::default() }) }
    }

    #[test]
    fn round_trip_by_the_echo_of_our_report() {
        let mut random = Random::from_number(1);
        let begin = start();
        let mut reporter = Reporter::new(begin, &mut random);
        let sent = begin + Duration::from_secs(3);
        let echo = middle(reporter.ntp(sent));
        let second = 1 << 16;
        let heard = sent + Duration::from_millis(1250);
        reporter.hear(heard, &block(echo, second));
        assert_eq!(reporter.round_trip(), None, "we have not reported yet: it made that up");
        reporter.reported = true;
        reporter.hear(heard, &block(echo, 2 * second));
        assert_eq!(reporter.round_trip(), None, "held longer than it had it");
        reporter.hear(heard, &block(0, 0));
        assert_eq!(reporter.round_trip(), None, "it has had no report yet");
        reporter.hear(heard, &block(echo, second));
        let trip = reporter.round_trip().unwrap().as_micros();
        assert!((249_900..250_100).contains(&trip), "{trip}");
        assert_eq!(reporter.remote_lost(), Some(0), "duplicates are no loss");
    }

    #[test]
    fn the_wall_clock_runs_true_from_a_beginning_of_its_own() {
        let begin = start();
        let one = Reporter::new(begin, &mut Random::from_number(1));
        let two = Reporter::new(begin, &mut Random::from_number(2));
        let span = Duration::from_millis(2500);
        assert_eq!(one.ntp(begin + span) - one.ntp(begin), 5 << 31);
        assert_ne!(one.ntp(begin) >> 32, two.ntp(begin) >> 32);
        assert_ne!(one.name, two.name);
    }

    #[test]
    fn reports_come_at_uneven_intervals() {
        let mut random = Random::from_number(3);
        let mut reporter = Reporter::new(start(), &mut random);
        let mut now = start();
        assert!(!reporter.take_due(now, &mut random));
        reporter.begin(now, &mut random);
        for _ in 0..100 {
            let due = reporter.deadline().unwrap();
            let gap = due - now;
            assert!((Duration::from_millis(1250)..=Duration::from_millis(7500)).contains(&gap), "{gap:?}");
            now = due;
            assert!(reporter.take_due(now, &mut random));
        }
    }
}
