//! From the codec of one leg to that of the other, where they have none in common: decoded, resampled, coded again.

use super::codec::LONGEST_PAYLOAD;
use super::{CodecFault, Decoder, Encoder, FRAME_MS, Format, Resampler, frame};

/// No more than this is kept waiting for its frame, in ms: of a burst, the oldest is left out.
const WAITING_MS: u32 = 400;
/// Comfort noise is never louder than this, in dB below the loudest sample.
const LOUDEST_NOISE: u8 = 30;

/// What a leg said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The payload of a packet of speech.
    Speech(&'a [u8]),
    /// The payload of a packet of comfort noise (RFC 3389): noise begins, or goes on.
    Noise(&'a [u8]),
    /// Nothing for 20 ms: a packet was lost, or after comfort noise, noise goes on.
    Nothing,
}

/// Speech on its way from one leg to the other.
pub struct Transcoder {
    /// The RTP clock of the leg that is heard, in Hz.
    clock: u32,
    decoder: Decoder,
    encoder: Encoder,
    resampler: Resampler,
    noise: Option<Noise>,
    /// What the leg said, at the rate that it was decoded to.
    heard: Vec<i16>,
    /// The same at the rate that it is coded from, until there is a frame of it.
    waiting: Vec<i16>,
}

impl Transcoder {
    /// From one codec to another. Opus is decoded to the rate of the other, and coded from it.
    pub fn new(from: Format, to: Format) -> Result<Self, CodecFault> {
        let rate = |own: Format, other: Format| if own == Format::Opus { other.rate() } else { own.rate() };
        let decoder = Decoder::new(from, rate(from, to))?;
        let encoder = Encoder::new(to, rate(to, from))?;
        let resampler = Resampler::new(decoder.rate(), encoder.rate());
        let room = |rate: u32| Vec::with_capacity(frame(rate) * (WAITING_MS / FRAME_MS) as usize);
        let (heard, waiting) = (room(decoder.rate()), room(encoder.rate()));
        Ok(Self { clock: from.clock(), decoder, encoder, resampler, noise: None, heard, waiting })
    }

    /// What codes the frames.
    pub fn encoder(&mut self) -> &mut Encoder {
        &mut self.encoder
    }

    /// Takes what the leg said. What can't be read is a fault, and as if nothing had come.
    pub fn hear(&mut self, packet: Packet<'_>) -> Result<(), CodecFault> {
        self.heard.clear();
        let read = match packet {
            Packet::Speech(payload) => {
                self.noise = None;
                self.decoder.decode(payload, &mut self.heard)
            }
            Packet::Noise(payload) => {
                let level = payload.first().copied().unwrap_or(u8::MAX);
                self.noise.get_or_insert_with(Noise::new).set(level);
                Ok(())
            }
            Packet::Nothing => Ok(()),
        };
        if self.heard.is_empty() {
            match &mut self.noise {
                Some(noise) => self.heard.extend((0..frame(self.decoder.rate())).map(|_| noise.next())),
                None => self.decoder.conceal(&mut self.heard),
            }
        }
        self.resampler.process(&self.heard, &mut self.waiting);
        let most = frame(self.encoder.rate()) * (WAITING_MS / FRAME_MS) as usize;
        self.waiting.drain(..self.waiting.len().saturating_sub(most));
        read
    }

    /// How long what was heard last was, in ticks of the RTP clock of the leg that said it.
    #[must_use]
    pub fn ticks_heard(&self) -> u32 {
        let ticks = self.heard.len() as u64 * u64::from(self.clock) / u64::from(self.decoder.rate());
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// Whether there is a frame to send.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.waiting.len() >= frame(self.encoder.rate())
    }

    /// Writes the next frame of 20 ms, where there is one: the length of its payload in bytes.
    pub fn next(&mut self, payload: &mut [u8; LONGEST_PAYLOAD]) -> Option<Result<usize, CodecFault>> {
        let count = frame(self.encoder.rate());
        let written = self.encoder.encode(self.waiting.get(..count)?, payload);
        self.waiting.drain(..count);
        Some(written)
    }
}

/// White noise of a level (RFC 3389 section 3.1); its spectrum is not looked at.
#[derive(Debug, Clone)]
struct Noise {
    seed: u32,
    height: f32,
}

impl Noise {
    fn new() -> Self {
        Self { seed: 1, height: 0.0 }
    }

    /// The level in dB below the loudest.
    fn set(&mut self, level: u8) {
        let level = f32::from(level.clamp(LOUDEST_NOISE, 127));
        self.height = 32_768.0 * 3_f32.sqrt() * 10_f32.powf(-level / 20.0);
    }

    #[expect(clippy::cast_precision_loss, reason = "24 bits of 32")]
    fn next(&mut self) -> i16 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        super::sample(((self.seed >> 8) as f32 / 8_388_608.0 - 1.0) * self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::{above_the_rest, decibels, level, rms, sine};
    use super::*;

    const ALL: [Format; 4] = [Format::Pcmu, Format::Pcma, Format::G722, Format::Opus];

    /// The frames of 20 ms that a leg would send, as payloads.
    fn coded(format: Format, samples: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(format, format.rate()).unwrap();
        let mut payload = [0; LONGEST_PAYLOAD];
        samples
            .chunks_exact(frame(format.rate()))
            .map(|frame| {
                let length = encoder.encode(frame, &mut payload).unwrap();
                payload[..length].to_vec()
            })
            .collect()
    }

    /// What the other leg hears of the packets, and how many frames each of them made.
    fn cross(from: Format, to: Format, packets: &[Packet<'_>]) -> (Vec<i16>, Vec<usize>) {
        let mut transcoder = Transcoder::new(from, to).unwrap();
        let mut decoder = Decoder::new(to, to.rate()).unwrap();
        let (mut heard, mut counts, mut payload) = (Vec::new(), Vec::new(), [0; LONGEST_PAYLOAD]);
        for packet in packets {
            let _ = transcoder.hear(*packet);
            let mut count = 0;
            while let Some(length) = transcoder.next(&mut payload) {
                decoder.decode(&payload[..length.unwrap()], &mut heard).unwrap();
                count += 1;
            }
            counts.push(count);
        }
        (heard, counts)
    }

    #[test]
    fn a_tone_crosses_between_any_two() {
        for from in ALL {
            let payloads = coded(from, &sine(from.rate(), 440.0, 8_000.0, from.rate() as usize));
            let packets: Vec<_> = payloads.iter().map(|payload| Packet::Speech(payload)).collect();
            for to in ALL {
                let (heard, counts) = cross(from, to, &packets);
                assert!(
                    counts.iter().all(|count| *count == 1),
                    "{from:?} to {to:?}: a frame in is a frame out"
                );
                let heard = &heard[heard.len() / 4..];
                let change = decibels(level(heard, to.rate(), 440.0) / 8_000.0);
                assert!(change.abs() < 1.0, "{from:?} to {to:?}: {change} dB");
                let clear = above_the_rest(heard, to.rate(), 440.0);
                assert!(clear > 15.0, "{from:?} to {to:?}: {clear} dB above the rest");
            }
        }
    }

    #[test]
    fn packets_of_any_length_become_frames_of_20_ms() {
        let payload: Vec<u8> = coded(Format::Pcma, &sine(8_000, 440.0, 8_000.0, 9_600)).concat();
        for ms in [10, 20, 30, 40, 60] {
            let packets: Vec<_> = payload.chunks(ms * 8).map(Packet::Speech).collect();
            let (heard, counts) = cross(Format::Pcma, Format::G722, &packets);
            let mut transcoder = Transcoder::new(Format::Pcma, Format::G722).unwrap();
            assert!(!transcoder.is_ready());
            transcoder.hear(packets[0]).unwrap();
            assert_eq!((transcoder.is_ready(), transcoder.ticks_heard()), (ms >= 20, ms as u32 * 8));
            let due: Vec<usize> = (0..packets.len()).map(|at| (at + 1) * ms / 20 - at * ms / 20).collect();
            assert_eq!(counts, due, "{ms} ms");
            assert_eq!(heard.len(), 19_200);
            let clear = above_the_rest(&heard[3_200..], 16_000, 440.0);
            assert!(clear > 20.0, "{ms} ms: {clear} dB above the rest");
        }
    }

    #[test]
    fn a_loss_is_filled_and_a_long_one_ends_in_silence() {
        for from in ALL {
            let payloads = coded(from, &sine(from.rate(), 400.0, 8_000.0, from.rate() as usize));
            let mut packets: Vec<_> = payloads.iter().map(|payload| Packet::Speech(payload)).collect();
            packets[25] = Packet::Nothing;
            let (heard, _) = cross(from, Format::Pcmu, &packets);
            let lost = rms(&heard[25 * 160 + 40..26 * 160]);
            assert!(lost > 2_000.0, "{from:?}: {lost} in place of what was lost");
            let packets: Vec<_> = packets[..25].iter().copied().chain([Packet::Nothing; 25]).collect();
            let (heard, counts) = cross(from, Format::Pcmu, &packets);
            assert_eq!(counts.iter().sum::<usize>(), 50);
            let left = rms(&heard[45 * 160..]);
            assert!(left < 300.0, "{from:?}: {left} after 400 ms of nothing");
        }
    }

    #[test]
    fn comfort_noise_is_heard_at_its_level_until_speech_comes() {
        let speech = coded(Format::Pcma, &sine(8_000, 440.0, 8_000.0, 160));
        let mut packets = vec![Packet::Speech(&speech[0]), Packet::Noise(&[50, 1, 2])];
        packets.extend([Packet::Nothing; 40]);
        packets.extend([Packet::Speech(&speech[0]), Packet::Nothing]);
        let (heard, _) = cross(Format::Pcma, Format::Pcmu, &packets);
        let noise = decibels(rms(&heard[320..6_400]) / 32_768.0);
        assert!((noise + 50.0).abs() < 1.0, "{noise} dB");
        assert!(rms(&heard[42 * 160 + 40..43 * 160]) > 4_000.0);
        assert!(rms(&heard[43 * 160..]) > 2_000.0, "a loss after speech is not noise");
        let (heard, _) = cross(Format::Pcma, Format::Pcmu, &[Packet::Noise(&[0]); 40]);
        assert!(decibels(rms(&heard) / 32_768.0) < -29.0, "nobody is deafened");
        let (heard, _) = cross(Format::Pcma, Format::Pcmu, &[Packet::Noise(&[]); 4]);
        assert!(heard.iter().all(|sample| *sample == 0), "no level is silence");
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_and_as_if_lost() {
        let mut transcoder = Transcoder::new(Format::Opus, Format::Pcma).unwrap();
        for junk in [&[][..], &[0x03], &[0xff; 2_000]] {
            assert!(transcoder.hear(Packet::Speech(junk)).is_err(), "{} bytes", junk.len());
            assert_eq!(transcoder.next(&mut [0; LONGEST_PAYLOAD]), Some(Ok(160)));
            assert_eq!(transcoder.next(&mut [0; LONGEST_PAYLOAD]), None);
        }
    }

    #[test]
    fn it_can_go_from_thread_to_thread() {
        fn is_send<T: Send>(_: &T) {}
        is_send(&Transcoder::new(Format::Opus, Format::G722).unwrap());
    }

    #[test]
    fn a_burst_is_bounded() {
        let mut transcoder = Transcoder::new(Format::Pcma, Format::Pcmu).unwrap();
        for _ in 0..1_000 {
            transcoder.hear(Packet::Speech(&[0xd5; 1_600])).unwrap();
        }
        let mut payload = [0; LONGEST_PAYLOAD];
        let frames = std::iter::from_fn(|| transcoder.next(&mut payload)).count();
        assert_eq!(frames as u32, WAITING_MS / FRAME_MS);
    }
}
