//! What each side saw and heard, beside what was hidden from it.

use std::fmt;
use std::net::SocketAddr;

use super::cast::Person;
use super::phone::Account;
use super::search::{self, Leak};

/// For how long a tone has to be heard: three quarters of the talk.
const ENOUGH: usize = 3_000;
/// The width of the first column.
const LABEL: usize = 20;

/// What came of the demonstration.
#[derive(Debug)]
pub struct Report {
    switch: SocketAddr,
    /// The caller's and the callee's.
    accounts: [Account; 2],
    /// What of the other was found at each.
    leaks: [Vec<Leak>; 2],
    /// The records that the instance wrote, one JSON object a line.
    records: String,
}

impl Report {
    /// Searches what each phone received, and puts it all together.
    pub(super) fn new(switch: SocketAddr, accounts: [Account; 2], records: String) -> Self {
        let [caller, callee] = &accounts;
        let leaks = [
            search::search(&callee.secrets, &caller.received),
            search::search(&caller.secrets, &callee.received),
        ];
        Self { switch, accounts, leaks, records }
    }

    /// What is not as it should be; nothing, where audio passed both ways, RTCP ended at the switch, and nothing leaked.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let [caller, callee] = &self.accounts;
        let mut faults = Vec::new();
        for (account, other) in [(caller, callee), (callee, caller)] {
            faults.extend(deaf(account, other.person));
            faults.extend(unreported(account, other));
        }
        for (account, leaks) in self.accounts.iter().zip(&self.leaks) {
            faults.extend(leaks.iter().map(|leak| told(account, leak)));
        }
        if self.record().is_none() {
            faults.push("the instance wrote no record of an answered call".into());
        }
        faults
    }

    /// The record of the call.
    fn record(&self) -> Option<Record> {
        let mut lines = self.records.lines();
        let record: serde_json::Value = serde_json::from_str(lines.next()?).ok()?;
        let is_right = lines.next().is_none() && record["outcome"] == "answered";
        let lost =
            record["legs"].as_array()?.iter().filter_map(|leg| leg["media"]["packets_lost"].as_u64()).sum();
        is_right.then_some(Record { millis: record["billable_ms"].as_u64()?, lost })
    }
}

/// What the operator has of the call.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    millis: u64,
    lost: u64,
}

/// What is wrong with what a phone heard.
fn deaf(account: &Account, other: &Person) -> Option<String> {
    let (role, tone) = (account.person.role, other.tone);
    match account.ear.heard() {
        Some(heard) if heard.tone == tone && heard.millis >= ENOUGH => None,
        Some(heard) => Some(format!(
            "{role} heard {} Hz for {} ms, and not {tone} Hz for at least {ENOUGH} ms",
            heard.tone, heard.millis
        )),
        None => Some(format!("{role} heard nothing of the other's {tone} Hz")),
    }
}

/// RTCP ends at the switch, which tells each phone itself how its stream arrives, under a name of its own.
fn unreported(account: &Account, other: &Account) -> Option<String> {
    let ear = &account.ear;
    let is_reported = ear.reports.iter().any(|(by, about)| *about == account.ssrc && *by != other.ssrc);
    let is_named = ear.cnames.iter().any(|cname| *cname != other.cname);
    (!is_reported || !is_named)
        .then(|| format!("{} received no RTCP report of the switch's own on its audio", account.person.role))
}

fn told(account: &Account, leak: &Leak) -> String {
    let Leak { what, spelling, path, datagram } = leak;
    let datagram = &account.received[*datagram];
    let line = String::from_utf8_lossy(&datagram.bytes);
    let first = match path {
        search::Path::Sip => format!(" ({})", line.lines().next().unwrap_or_default()),
        search::Path::Rtp | search::Path::Rtcp => String::new(),
    };
    format!("{} received the other's {what} in {path}{first}: {spelling}", account.person.role)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "A masked call through a private instance at {}\n", self.switch)?;
        let mut table = Table::default();
        self.who(&mut table);
        self.seen(&mut table);
        self.hidden(&mut table);
        write!(f, "{table}")?;
        if let Some(Record { millis, lost }) = self.record() {
            writeln!(f, "\nThe operator's record: answered, {millis} ms, {lost} packets lost")?;
        }
        let faults = self.faults();
        if faults.is_empty() {
            return writeln!(f, "\nAudio passed both ways, and nothing of one side reached the other.");
        }
        writeln!(f, "\nThis is not as it should be:")?;
        faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

impl Report {
    fn who(&self, table: &mut Table) {
        let rows = self.accounts.each_ref().map(|account| account.person);
        table.title("", rows.map(|person| person.role.to_owned()));
        table.row("who", rows.map(|person| person.name.to_owned()));
        table.row("number", rows.map(|person| person.number.to_owned()));
        table.row("phone at", self.accounts.each_ref().map(|account| account.address.to_string()));
        table.row("speaks", rows.map(|person| format!("{} Hz", person.tone)));
    }

    fn seen(&self, table: &mut Table) {
        let each = |value: fn(&Account) -> String| self.accounts.each_ref().map(value);
        table.title("What it saw and heard", [String::new(), String::new()]);
        table.row("From", each(|account| shown(account, &account.seen.from)));
        table.row("To", each(|account| shown(account, &account.seen.to)));
        table.row("P-Asserted-Identity", each(|account| or_none(account.seen.asserted.clone())));
        table.row("Contact", each(|account| account.seen.contact.clone()));
        table.row("tag", each(|account| account.seen.tag.clone()));
        table.row("Call-ID", each(|account| shown(account, &account.seen.call_id)));
        table.row("user agent", each(|account| or_none(account.seen.product.clone())));
        table.row("signalling from", each(|account| or_none(account.seen.source)));
        table.row("SDP origin", each(|account| account.seen.origin.clone()));
        table.row("audio from", each(|account| or_none(account.seen.media)));
        table.row(
            "RTP SSRC",
            each(|account| list(account.ear.ssrcs.iter().map(|ssrc| format!("{ssrc:08x}")))),
        );
        table.row(
            "RTCP report by",
            each(|account| {
                let reports = account.ear.reports.iter().filter(|(_, about)| *about == account.ssrc);
                list(reports.map(|(by, _)| format!("{by:08x}")))
            }),
        );
        table.row("RTCP CNAME", each(|account| list(account.ear.cnames.iter().cloned())));
        table.row("audio packets", each(|account| account.ear.packets.to_string()));
        table.row(
            "tone heard",
            each(|account| match account.ear.heard() {
                Some(heard) => format!("{} Hz, for {} ms", heard.tone, heard.millis),
                None => "none".into(),
            }),
        );
    }

    fn hidden(&self, table: &mut Table) {
        let [caller, callee] = &self.accounts;
        table.title("What was hidden from it", [String::new(), String::new()]);
        for (of_callee, of_caller) in callee.secrets.iter().zip(&caller.secrets) {
            let times = |leaks: &[Leak]| match leaks.iter().filter(|leak| leak.what == of_callee.what).count()
            {
                0 => String::new(),
                times => format!("   FOUND {times} TIMES"),
            };
            let [at_caller, at_callee] = self.leaks.each_ref().map(|leaks| times(leaks));
            let hidden =
                [format!("{}{at_caller}", of_callee.value), format!("{}{at_callee}", of_caller.value)];
            table.row(of_callee.what, hidden);
        }
        table.row(
            "searched",
            self.accounts.each_ref().map(|account| {
                let bytes: usize = account.received.iter().map(|received| received.bytes.len()).sum();
                format!("{} datagrams, {bytes} bytes", account.received.len())
            }),
        );
        table.row(
            "found",
            self.leaks.each_ref().map(|leaks| match leaks.len() {
                0 => "nothing".into(),
                found => found.to_string(),
            }),
        );
    }
}

/// A value of the other side; where it is what the phone itself said, just that.
fn shown(account: &Account, value: &str) -> String {
    let Person { username, address, .. } = account.person;
    let is_own = value.contains(username) || value.contains(&address.to_string());
    if is_own { "its own".into() } else { value.to_owned() }
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".into(), |value| value.to_string())
}

fn list(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() { "none".into() } else { values.join(", ") }
}

/// Rows of a label and two cells.
#[derive(Debug, Default)]
struct Table(Vec<(bool, &'static str, [String; 2])>);

impl Table {
    fn title(&mut self, label: &'static str, cells: [String; 2]) {
        self.0.push((true, label, cells));
    }

    fn row(&mut self, label: &'static str, cells: [String; 2]) {
        self.0.push((false, label, cells));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(.., [left, _])| left.chars().count()).max().unwrap_or(0);
        for (place, (is_title, label, [left, right])) in self.0.iter().enumerate() {
            if *is_title && place > 0 {
                writeln!(f)?;
            }
            let indent = if *is_title { 0 } else { 2 };
            let line = format!("{:indent$}{label:LABEL$}", "");
            let line = format!("{line:0$}  {left:width$}  {right}", LABEL + 2);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::audio::{PACKET, Voice};
    use super::super::cast::{CALLEE, CALLER};
    use super::super::phone::Seen;
    use super::super::search::{Path, Received, Token, Value};
    use super::super::stream::Ear;
    use super::*;
    use crate::rtp::{self, Block, Goodbye, Header};

    const RECORD: &str = "{\"outcome\":\"answered\",\"billable_ms\":2004,\"legs\":[{\"media\":{\"packets_lost\":1}},\
                          {\"media\":{\"packets_lost\":2}}]}\n";

    fn switch() -> SocketAddr {
        "127.0.0.1:5060".parse().unwrap()
    }

    /// The account of a phone that heard a tone for so many packets.
    fn account(person: &'static Person, tone: u16, packets: u16) -> Account {
        let (mut ear, mut voice) = (Ear::default(), Voice::new(tone));
        for sequence in 0..packets {
            let header = Header { marker: false, payload_type: 8, sequence, timestamp: 0, ssrc: 7 };
            let packet: Vec<u8> = header.bytes().into_iter().chain(voice.packet()).collect();
            assert_eq!(packet.len(), 12 + PACKET);
            ear.take_rtp(switch(), &packet);
        }
        let ssrc = u32::from(person.tone);
        ear.take_rtcp(switch(), &report(7, ssrc, "switch"));
        let received = std::mem::take(&mut ear.received);
        let cname = person.username.to_owned();
        let secrets = vec![Token { what: "number", value: Value::Number(person.number.into()) }];
        Account { person, address: switch(), seen: Seen::default(), ssrc, cname, ear, received, secrets }
    }

    /// A receiver report on one stream.
    fn report(by: u32, about: u32, cname: &str) -> Vec<u8> {
        let mut buffer = vec![0; rtp::rtcp::LONGEST];
        let block = Some(Block { ssrc: about, ..Block::default() });
        let report =
            rtp::Report { ssrc: by, sent: None, block, cname: cname.as_bytes(), goodbye: Goodbye::No };
        let length = report.write(&mut buffer);
        buffer[..length].to_vec()
    }

    fn good() -> [Account; 2] {
        [account(&CALLER, CALLEE.tone, 200), account(&CALLEE, CALLER.tone, 200)]
    }

    fn faults(accounts: [Account; 2], records: &str) -> Vec<String> {
        let report = Report::new(switch(), accounts, records.into());
        let faults = report.faults();
        let says_so = report.to_string().contains("nothing of one side reached the other");
        assert_eq!(says_so, faults.is_empty());
        faults
    }

    #[test]
    fn a_good_call_has_no_faults() {
        assert_eq!(faults(good(), RECORD), [""; 0]);
        let report = Report::new(switch(), good(), RECORD.into());
        assert_eq!(report.record(), Some(Record { millis: 2_004, lost: 3 }));
    }

    #[test]
    fn audio_has_to_reach_both_and_be_the_others() {
        for (tone, packets, expected) in [
            (CALLEE.tone, 0, "the caller heard nothing of the other's 620 Hz"),
            (CALLEE.tone, 60, "the caller heard 620 Hz for 1200 ms, and not 620 Hz for at least 3000 ms"),
            (CALLER.tone, 200, "the caller heard 440 Hz for 4000 ms, and not 620 Hz for at least 3000 ms"),
        ] {
            let [_, callee] = good();
            assert_eq!(faults([account(&CALLER, tone, packets), callee], RECORD), [expected]);
        }
        let [caller, _] = good();
        let faults = faults([caller, account(&CALLEE, CALLER.tone, 0)], RECORD);
        assert_eq!(faults, ["the callee heard nothing of the other's 440 Hz"]);
    }

    #[test]
    fn the_switch_itself_has_to_report_on_each_ones_audio() {
        let (own, other) = (u32::from(CALLER.tone), u32::from(CALLEE.tone));
        let said = [
            (7, own, "switch", true),
            (7, other, "switch", false),
            (other, own, "switch", false),
            (7, own, CALLEE.username, false),
        ];
        for (by, about, cname, is_good) in said {
            let [mut caller, callee] = good();
            (caller.ear.reports, caller.ear.cnames) = Default::default();
            caller.ear.take_rtcp(switch(), &report(by, about, cname));
            let expected = "the caller received no RTCP report of the switch's own on its audio";
            let expected = if is_good { &[][..] } else { &[expected] };
            assert_eq!(faults([caller, callee], RECORD), expected, "{by} {about} {cname}");
        }
    }

    #[test]
    fn a_leak_to_either_side_is_told_and_shown() {
        for side in [0, 1] {
            let mut accounts = good();
            let other = accounts[1 - side].person.number;
            let bytes = format!("SIP/2.0 200 OK\r\nX-Who: {other}\r\n\r\n").into_bytes();
            accounts[side].received.push(Received { path: Path::Sip, from: switch(), bytes });
            let role = accounts[side].person.role;
            let report = Report::new(switch(), accounts, RECORD.into());
            let expected = format!("{role} received the other's number in SIP (SIP/2.0 200 OK): as it is");
            assert_eq!(report.faults(), [expected]);
            assert!(report.to_string().contains("FOUND 1 TIMES"));
        }
    }

    #[test]
    fn one_record_of_an_answered_call_has_to_be_there() {
        let refused = RECORD.replace("answered", "refused");
        for records in ["", "garbage", &refused, &RECORD.repeat(2)] {
            assert_eq!(
                faults(good(), records),
                ["the instance wrote no record of an answered call"],
                "{records}"
            );
        }
    }
}
