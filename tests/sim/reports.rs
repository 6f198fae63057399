//! RTCP and other datagrams of a device that is full of tokens.

use super::canary::Canary;
use super::media::Device;
use maskline::base::Side;

/// What an item of a source description says (RFC 3550 section 6.5).
const ITEMS: [&str; 8] = ["CNAME", "NAME", "EMAIL", "PHONE", "LOC", "TOOL", "NOTE", "PRIV"];

impl Device {
    /// Compound packets that are as they should be.
    pub fn reports(&self) -> Vec<Vec<u8>> {
        let canary = self.canary.as_ref().expect("a device with tokens");
        let pen = Pen { canary, side: self.side, ssrc: self.ssrc };
        vec![
            [pen.sender(), pen.descriptions()].concat(),
            [pen.receiver(), pen.description("CNAME", 1), pen.app(), pen.extended(), pen.feedback(205)]
                .concat(),
            [pen.sender(), pen.description("CNAME", 1), pen.feedback(206), pen.goodbye()].concat(),
        ]
    }

    /// Datagrams that are no part of a stream: what other protocols, and broken devices, send to a port of RTP.
    pub fn strays(&self) -> Vec<Vec<u8>> {
        let canary = self.canary.as_ref().expect("a device with tokens");
        let pen = Pen { canary, side: self.side, ssrc: self.ssrc };
        let stun =
            [&[0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42][..], &pen.word("STUN"), &pen.word("STUN")].concat();
        let hello = [&[22, 0xfe, 0xfd, 0, 0][..], &pen.word("DTLS")].concat();
        let zrtp = [&[0x10, 0, 0, 1][..], b"ZRTP", &pen.word("ZRTP")].concat();
        let empty = self.packet(120, &pen.word("payload of an unknown type"));
        let old = [&[0x40, 0][..], &pen.word("RTP of version 1"), &pen.word("RTP of version 1")].concat();
        let mut cut = self.packet(8, b"");
        cut.truncate(30);
        vec![
            stun,
            hello,
            zrtp,
            old,
            cut,
            empty,
            pen.word("text"),
            pen.descriptions(),
            pen.app(),
            pen.goodbye(),
        ]
    }
}

/// Writes the parts of a compound packet.
struct Pen<'c> {
    canary: &'c Canary,
    side: Side,
    ssrc: u32,
}

impl Pen<'_> {
    fn word(&self, field: &str) -> Vec<u8> {
        self.canary.word(self.side, field).into_bytes()
    }

    /// Words of 32 bits, a token each.
    fn bits(&self, fields: &[&str]) -> Vec<u8> {
        fields.iter().flat_map(|field| self.canary.bits(self.side, field).to_be_bytes()).collect()
    }

    fn own(&self) -> Vec<u8> {
        self.ssrc.to_be_bytes().into()
    }

    fn sender(&self) -> Vec<u8> {
        let fields = ["SR NTP seconds", "SR NTP fraction", "SR timestamp", "SR packets", "SR octets"];
        part(1, 200, &[self.own(), self.bits(&fields), self.block()].concat())
    }

    fn receiver(&self) -> Vec<u8> {
        part(1, 201, &[self.own(), self.block(), self.word("RR extension")].concat())
    }

    fn block(&self) -> Vec<u8> {
        self.bits(&["block SSRC", "block loss", "block sequence", "block jitter", "block LSR", "block DLSR"])
    }

    fn item(&self, name: &str, kind: u8) -> Vec<u8> {
        let field = format!("SDES {name}");
        let text = match kind {
            1 | 3 => [self.word(&field), b"@".into(), self.word(&field), b".example".into()].concat(),
            4 => self.canary.number(self.side, &field).into_bytes(),
            8 => [vec![11], self.word(&field), self.word(&field)].concat(),
            _ => self.word(&field),
        };
        [vec![kind, u8::try_from(text.len()).unwrap()], text].concat()
    }

    fn description(&self, name: &str, kind: u8) -> Vec<u8> {
        part(1, 202, &[self.own(), self.item(name, kind), vec![0]].concat())
    }

    fn descriptions(&self) -> Vec<u8> {
        let items: Vec<u8> = (1..).zip(ITEMS).flat_map(|(kind, name)| self.item(name, kind)).collect();
        part(1, 202, &[self.own(), items, vec![0]].concat())
    }

    fn goodbye(&self) -> Vec<u8> {
        let reason = self.word("RTCP BYE reason");
        part(1, 203, &[self.own(), vec![u8::try_from(reason.len()).unwrap()], reason].concat())
    }

    fn app(&self) -> Vec<u8> {
        part(3, 204, &[self.own(), b"SPYS".into(), self.word("APP")].concat())
    }

    fn extended(&self) -> Vec<u8> {
        let times = self.bits(&["XR NTP seconds", "XR NTP fraction"]);
        let unknown = [self.word("XR"), vec![0]].concat();
        part(0, 207, &[self.own(), vec![4, 0, 0, 2], times, vec![99, 0, 0, 3], unknown].concat())
    }

    fn feedback(&self, packet_type: u8) -> Vec<u8> {
        part(15, packet_type, &[self.own(), self.bits(&["feedback SSRC"]), self.word("feedback")].concat())
    }
}

/// One packet of a compound, filled to whole words.
fn part(count: u8, packet_type: u8, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let [high, low] = u16::try_from(body.len() / 4).unwrap().to_be_bytes();
    [&[0x80 | count, packet_type, high, low][..], &body].concat()
}
