//! Every field of a message that could tell who sent it, filled with a token of its own.

use std::rc::Rc;

use maskline::base::Side;

use super::canary::{Canary, base64, bcd};
use super::draft::Draft;
use super::leg::Leg;
use super::text::{after, between};

/// Header fields, and their values: `{w}` is a word, `{n}` a number, `{a}` an address, `{d}` nine digits, `{p}` a
/// number and a name in the base64 of a signed token.
const HEADERS: &[(&str, &str)] = &[
    ("P-Preferred-Identity", "\"{w}\" <sip:{n}@{w}.example>"),
    ("Remote-Party-ID", "\"{w}\" <sip:{n}@{w}.example>;party=calling;id-type=subscriber;privacy=off;{w}={w}"),
    ("P-Called-Party-ID", "\"{w}\" <sip:{n}@{w}.example>"),
    ("P-Served-User", "<sip:{n}@{w}.example>;sescase=orig;regstate=reg"),
    ("P-Charging-Vector", "icid-value={w};icid-generated-at={a};orig-ioi={w}.example;term-ioi={w}"),
    ("P-Charging-Function-Addresses", "ccf={a};ecf={w}"),
    ("P-Charge-Info", "<sip:{n}@{w}.example>;npi=ISDN"),
    ("P-Access-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp={w}"),
    ("Cellular-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp={w};cell-info-age=4"),
    ("P-Visited-Network-ID", "\"{w}\""),
    ("P-Last-Access-Network-Info", "3GPP-UTRAN-TDD;utran-cell-id-3gpp={w}"),
    ("Geolocation", "<cid:{w}@{w}.example>"),
    ("Diversion", "\"{w}\" <tel:{n}>;reason=unconditional;counter=1;{w}={w}"),
    ("History-Info", "\"{w}\" <sip:{n}@{w}.example?Reason=SIP%3Bcause%3D302%3Btext%3D{w}>;index=1"),
    ("Identity", "{p}.{p}.{w};info=<https://{w}.example/cert.pem>;alg=ES256;ppt={w}"),
    ("Identity-Info", "<https://{w}.example/cert>;alg=rsa-sha1"),
    ("Reply-To", "\"{w}\" <sip:{n}@{w}.example>"),
    ("In-Reply-To", "{w}@{w}.example"),
    ("Organization", "{w} Ltd"),
    ("Call-Info", "<http://{w}.example/photo.jpg>;purpose=icon, <http://{w}.example/card>;purpose=card"),
    ("Alert-Info", "<http://{w}.example/ring.wav>;{w}={w}"),
    ("User-Agent", "Maskline {w}/{w}"),
    ("Server", "{w}/{w}"),
    ("User-to-User", "{w};encoding=hex;purpose={w}"),
    ("X-Caller", "{n} {w}"),
    ("X-Real-IP", "{a}"),
    ("P-Unknown", "{w}"),
    ("Unheard-Of", "{w};{w}=\"{n}\""),
    ("Session-ID", "{w}f81d4fae7dec11d0a765;remote={w}"),
    ("P-Asserted-Service", "urn:urn-7:3gpp-service.{w}"),
    ("Date", "Sat, 13 Nov 2010 23:29:00 GMT {w}"),
    ("Timestamp", "{d}.5"),
    ("Expires", "{d}"),
    ("Accept-Language", "{w};q=0.7"),
    ("Reason", "SIP;cause=200;text=\"{w} {n}\""),
    ("Privacy", "none;{w}"),
    ("Allow-Events", "{w}"),
    ("Event", "{w};id={w}"),
    ("Supported", "timer, 100rel, {w}"),
    ("Allow", "INVITE, ACK, BYE, CANCEL, INFO, UPDATE, {w}"),
    ("Accept", "application/sdp, application/{w};q=0.1"),
    ("Accept-Encoding", "identity, {w}"),
    ("Content-ID", "<{w}@{w}.example>"),
    ("Content-Disposition", "session;{w}={w}"),
    ("Content-Language", "{w}"),
    ("MIME-Version", "1.0 ({w})"),
    ("Session-Expires", "1800;refresher=uac;{w}={w}"),
    ("Min-SE", "90;{w}={w}"),
    ("Subscription-State", "active;reason={w};{w}={w}"),
    ("P-Private-Network-Indication", "{w}.example"),
    ("P-DCS-Trace-Party-ID", "<tel:{n}>"),
    ("Priority", "{w}"),
    ("Feature-Caps", "*;+g.{w}"),
    ("Recv-Info", "{w}"),
    ("Info-Package", "{w}"),
    ("Answer-Mode", "Manual;{w}"),
    ("Resource-Priority", "{w}.0"),
    ("P-Early-Media", "sendrecv, {w}"),
    ("P-Profile-Key", "<sip:{w}@{w}.example>"),
    ("P-User-Database", "<aaa://{w}.example>"),
];
/// Those of requests alone: a message has room for a hundred.
const OF_REQUESTS: &[(&str, &str)] = &[
    ("Geolocation-Routing", "yes;{w}={w}"),
    ("Refer-To", "\"{w}\" <sip:{n}@{w}.example?Replaces={w}%40{w}%3Bto-tag%3D{w}%3Bfrom-tag%3D{w}>;{w}={w}"),
    ("Refer-Sub", "false;{w}"),
    ("Referred-By", "\"{w}\" <sip:{n}@{w}.example>;cid=\"{w}@{w}\""),
    ("Replaces", "{w}@{w}.example;to-tag={w};from-tag={w}"),
    ("Join", "{w}@{w}.example;to-tag={w};from-tag={w}"),
    ("Target-Dialog", "{w}@{w}.example;local-tag={w};remote-tag={w}"),
    ("Subject", "about {w} and {n}"),
    ("RAck", "{d} {d} INVITE"),
    ("Route", "<sip:{w}@{w}.example;lr;{w}={w}>"),
    (
        "Proxy-Authorization",
        "Digest username=\"{w}\",realm=\"{w}\",nonce=\"{w}\",uri=\"sip:{w}\",response=\"{d}\"",
    ),
    ("Authorization", "Digest username=\"{w}\",realm=\"{w}\",nonce=\"{w}\",uri=\"sip:{w}\",response=\"{d}\""),
    ("Proxy-Require", "{w}"),
    ("Accept-Contact", "*;{w}=\"{w}\";explicit"),
    ("Reject-Contact", "*;{w}"),
    ("Request-Disposition", "no-fork, {w}"),
    ("Security-Client", "digest;{w}={w}"),
    ("Security-Verify", "digest;{w}={w}"),
    ("SIP-If-Match", "{w}"),
    ("Trigger-Consent", "<sip:{n}@{w}.example>"),
    ("Encryption", "{w}"),
    ("Response-Key", "{w}"),
    ("Hide", "{w}"),
];
/// Those of responses alone.
const OF_RESPONSES: &[(&str, &str)] = &[
    ("P-Associated-URI", "<tel:{n}>, <sip:{n}@{w}.example>"),
    ("Geolocation-Error", "100;code=\"{w}\""),
    ("Error-Info", "<sip:{w}@{w}.example>"),
    ("RSeq", "{d}"),
    ("Warning", "399 {w}.example \"{w} {n}\""),
    ("Retry-After", "120 ({w});duration=3600;{w}={w}"),
    ("Path", "<sip:{w}@{w}.example;lr>"),
    ("Service-Route", "<sip:{w}.example;lr>"),
    ("Authentication-Info", "nextnonce=\"{w}\",rspauth=\"{w}\",cnonce=\"{w}\""),
    ("WWW-Authenticate", "Digest realm=\"{w}\",nonce=\"{w}\",opaque=\"{w}\",domain=\"sip:{w}.example\""),
    ("Proxy-Authenticate", "Digest realm=\"{w}\",nonce=\"{w}\",opaque=\"{w}\""),
    ("Unsupported", "{w}"),
    ("Min-Expires", "{d}"),
    ("Flow-Timer", "{d}"),
    ("Proxy-Authentication-Info", "nextnonce=\"{w}\""),
    ("SIP-ETag", "{w}"),
];

/// Lines of a description, beside those that make it work.
const SESSION: &[&str] =
    &["i={w} calling", "u=http://{w}.example/{w}", "e={w}@{w}.example ({w})", "p={n} ({w})"];
/// Lines behind the session's `t=`.
const SESSION_ATTRIBUTES: &[&str] = &[
    "r={d} 3600 0",
    "z={d} -1h",
    "k=clear:{w}",
    "a=tool:{w}",
    "a=cat:{w}",
    "a=keywds:{w}",
    "a=charset:{w}",
    "a=sdplang:{w}",
    "a=group:BUNDLE {w}",
    "a=ice-options:{w}",
    "a=identity:{w}",
    "a=x-{w}:{w}",
];
/// Lines behind the audio's own.
const MEDIA: &[&str] = &[
    "a=rtcp:41001 IN IP4 {a}",
    "a=candidate:{w} 1 UDP 2130706431 {a} 41000 typ host raddr {a} rport 9",
    "a=altc:1 IP4 {a} 41000",
    "a=source-filter: incl IN IP4 {a} {a}",
    "a=ssrc:{d} cname:{w}@{w}.example",
    "a=ssrc-group:FID {d} {d}",
    "a=msid:{w} {w}",
    "a=mid:{w}",
    "a=label:{w}",
    "a=extmap:1 urn:{w}",
    "a=rtcp-xr:{w}",
    "a=rtcp-fb:0 {w}",
    "a=setup:{w}",
    "a=cdsc: 1 {w}",
    "a=remote-candidates:1 {a} 41001",
    "a=ice-ufrag:{w}",
    "a=ice-pwd:{w}{w}",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{w}{w}",
    "a=fingerprint:sha-256 {w}",
    "a=zrtp-hash:1.10 {w}",
    "a=x-{w}:{w}",
    "a=rtpmap:120 {w}/8000",
    "a=fmtp:120 {w}={w}",
    "a=fmtp:0 {w}={w}",
    "a=fmtp:101 0-16,{d}",
    "m={w} 41004 TCP/{w} {w}",
    "i={w}",
    "m=video 41006 RTP/AVP 97 98",
    "a=rtpmap:97 {w}/90000",
    "a=fmtp:97 profile-level-id={w};sprop-parameter-sets={w}",
];

impl Canary {
    /// Lets all that a leg sends carry tokens.
    pub fn dress(&self, side: Side, leg: &mut Leg) {
        let word = |field: &str| self.word(side, field);
        leg.contact = format!(
            "\"{}\" <sip:{}@{};{}={};gr={}>;+sip.instance=\"<urn:uuid:{}>\";pn-prid={};pub-gruu=\"sip:{}\";{}",
            word("Contact display name"),
            word("Contact user"),
            leg.at,
            word("Contact parameter"),
            word("Contact parameter value"),
            word("Contact gruu"),
            word("Contact instance"),
            word("Contact pn-prid"),
            word("Contact pub-gruu"),
            word("Contact feature tag"),
        );
        leg.tag = word("own tag");
        if leg.invited.is_none() {
            leg.call_id = format!("{}@{}.example", word("Call-ID"), word("Call-ID host"));
            let uri = between(&leg.local, '<', '>').to_owned();
            let (name, host, parameter) = (word("From name"), word("From host"), word("From parameter"));
            let user = between(&uri, ':', '@');
            leg.local = format!("\"{name}\" <sip:{user}@{host}.example;{parameter}={parameter}>");
            let to = between(&leg.remote, '<', '>').to_owned();
            leg.remote = format!("\"{}\" <{to};{}>", word("To name"), word("To parameter"));
        }
        leg.cseq = self.digits(side, "CSeq").parse::<u32>().unwrap() - 1;
        let canary = self.clone();
        leg.dress = Some(Rc::new(move |draft| canary.dressed(side, draft)));
    }

    /// A message with a token of its own in every field.
    pub fn dressed(&self, side: Side, draft: Draft) -> Draft {
        let mut words = draft.start.splitn(3, ' ');
        let (first, second) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let label = if first == "SIP/2.0" {
            format!("{second} to {}", draft.get("CSeq").unwrap().rsplit(' ').next().unwrap())
        } else {
            first.clone()
        };
        let draft = self.with_start(side, &label, &first, &second, draft);
        let more = if first == "SIP/2.0" { OF_RESPONSES } else { OF_REQUESTS };
        let draft = HEADERS.iter().chain(more).fold(draft, |draft, (name, value)| {
            if draft.get(name).is_some() {
                return draft;
            }
            let value = self.fill(side, &format!("{label} {name}"), value);
            draft.with(name, value)
        });
        self.with_body(side, &label, draft)
    }

    fn with_start(&self, side: Side, label: &str, first: &str, second: &str, draft: Draft) -> Draft {
        let field = |name: &str| self.word(side, &format!("{label} {name}"));
        if first == "SIP/2.0" {
            let mut draft = draft;
            let number = self.number(side, &format!("{label} phrase number"));
            draft.start = format!("{first} {second} {} {number}", field("phrase"));
            let draft = match &label[..3] {
                "300" | "301" | "302" | "305" | "380" | "485" => {
                    let moved =
                        "\"{w}\" <sip:{n}@{w}.example;{w}?Replaces={w}>;q=0.1, <tel:{n};phone-context={w}>";
                    draft.with("Contact", self.fill(side, &format!("{label} Contact"), moved))
                }
                status if status.starts_with('1') && status != "100" => draft.with("Require", "100rel"),
                _ => draft,
            };
            return draft.with("Record-Route", format!("<sip:{}.example;lr>", field("Record-Route")));
        }
        if first == "ACK" || first == "CANCEL" {
            return draft;
        }
        let via = draft.get("Via").unwrap().to_owned();
        let branch = after(&via, "branch=").unwrap();
        let via = via.replace(branch, &format!("{branch}{}", field("branch")));
        let earlier =
            format!("SIP/2.0/UDP {}.example;branch=z9hG4bK{}", field("Via host"), field("Via branch"));
        let draft = draft.set("Via", format!("{via};{}={}", field("Via parameter"), field("Via value")));
        let draft = draft.with("Via", earlier);
        draft.with("Record-Route", format!("<sip:{}.example;lr;{}>", field("Record-Route"), field("lr")))
    }

    /// Puts tokens into a description, or a body of tokens where there is none.
    fn with_body(&self, side: Side, label: &str, draft: Draft) -> Draft {
        let is_offerless = ["INVITE", "UPDATE"].contains(&label) || label.ends_with("to UPDATE");
        match draft.get("Content-Type") {
            Some("application/sdp") => {
                let sdp = String::from_utf8(draft.body.clone()).unwrap();
                let sdp = self.described(side, label, &sdp);
                if label == "INVITE" || label == "200 to INVITE" {
                    let (kind, body) = self.multipart(side, label, sdp.as_bytes());
                    draft.body(&kind, body)
                } else {
                    let kind = self.fill(side, &format!("{label} Content-Type"), "application/sdp;{w}={w}");
                    draft.body(&kind, sdp)
                }
            }
            None if !is_offerless => draft.body("application/isup", self.isup(side, label)),
            _ => draft,
        }
    }

    fn described(&self, side: Side, label: &str, sdp: &str) -> String {
        let fill = |line: &str| {
            self.fill(side, &format!("{label} SDP {}", line.split([':', ' ']).next().unwrap()), line)
        };
        let mut out = String::new();
        let mut put = |line: &str| out += &format!("{line}\r\n");
        for line in sdp.lines() {
            let kind = &line[..2];
            let (before, after): (&[&str], &[&str]) = match kind {
                "c=" => (SESSION, &[]),
                "t=" => (&["b=X-{w}:128"], SESSION_ATTRIBUTES),
                _ => (&[], &[]),
            };
            before.iter().for_each(|line| put(&fill(line)));
            match kind {
                "o=" => put(&fill("o={w} {d} {d} IN IP4 {a}")),
                "s=" => put(&fill("s={w}")),
                "c=" if !line.contains("0.0.0.0") => put(&fill("c=IN IP4 {a}")),
                "t=" => put(&fill("t={d} {d}")),
                "m=" => put(&format!("{line} 120")),
                _ => put(line),
            }
            after.iter().for_each(|line| put(&fill(line)));
        }
        MEDIA.iter().for_each(|line| put(&fill(line)));
        out
    }

    fn multipart(&self, side: Side, label: &str, sdp: &[u8]) -> (String, Vec<u8>) {
        let boundary = self.word(side, &format!("{label} boundary"));
        let fill = |name: &str, text: &str| self.fill(side, &format!("{label} {name}"), text);
        let mut out = Vec::new();
        let mut part = |kind: &str, body: &[u8]| {
            out.extend(format!("--{boundary}\r\nContent-Type: {kind}\r\n").bytes());
            out.extend(fill("part", "Content-ID: <{w}@{w}>\r\n\r\n").bytes());
            out.extend(body);
            out.extend(b"\r\n");
        };
        part("application/sdp", sdp);
        part("application/isup;version=itu-t92+", &self.isup(side, label));
        part("text/vcard", fill("vCard", "BEGIN:VCARD\r\nFN:{w}\r\nTEL:{n}\r\nEND:VCARD").as_bytes());
        part("application/pidf+xml", fill("PIDF-LO", "<presence entity=\"{w}\">{w}</presence>").as_bytes());
        part("application/qsig", &self.isup(side, label));
        part(
            "application/rs-metadata+xml",
            fill("SIPREC", "<nameID aor=\"sip:{n}@{w}\">{w}</nameID>").as_bytes(),
        );
        part(
            "application/vq-rtcpxr",
            fill("RTCP-XR report", "RemoteID:<sip:{n}@{w}>\r\nDialogID:{w}").as_bytes(),
        );
        part("message/sipfrag", fill("sipfrag", "SIP/2.0 200 {w}\r\nContact: <sip:{n}@{w}>").as_bytes());
        out.extend(format!("--{boundary}--\r\n").bytes());
        (format!("multipart/mixed;boundary={boundary}"), out)
    }

    /// Numbers packed as an ISUP message has them, and words.
    fn isup(&self, side: Side, label: &str) -> Vec<u8> {
        let number = self.number(side, &format!("{label} ISUP number"));
        let mut out = bcd(&number[1..], true);
        out.extend(self.word(side, &format!("{label} body")).bytes());
        out
    }

    /// The middle of a PASSporT (RFC 8225), with who calls and what they are called.
    fn signed(&self, side: Side, field: &str) -> String {
        let (number, name) = (self.number(side, field), self.word(side, field));
        let claims = format!("{{\"orig\":{{\"tn\":\"{number}\"}},\"rcd\":{{\"nam\":\"{name}\"}}}}");
        base64(claims.as_bytes()).trim_end_matches('=').to_owned()
    }

    fn fill(&self, side: Side, field: &str, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            out += &rest[..at];
            out += &match &rest[at..at + 3] {
                "{w}" => self.word(side, field),
                "{n}" => self.number(side, field),
                "{a}" => self.address(side, field),
                "{d}" => self.digits(side, field),
                "{p}" => self.signed(side, field),
                other => panic!("{other} in {template}"),
            };
            rest = &rest[at + 3..];
        }
        out + rest
    }
}
