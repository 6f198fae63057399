//! A SIP message as a simple reader sees it: lines split at the first colon. It shares nothing with the product's
//! own reader, so that neither can hide the other's faults.

use std::fmt;

/// One message that an endpoint received.
#[derive(Clone)]
pub struct Text {
    pub raw: Vec<u8>,
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Text {
    pub fn new(raw: &[u8]) -> Self {
        let end = raw.windows(4).position(|at| at == b"\r\n\r\n").expect("a message has an end of its head");
        // A refusal of rubbish repeats some of it: bytes that are no text, folded lines.
        let head = String::from_utf8_lossy(&raw[..end]);
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match (line.split_once(": "), headers.last_mut()) {
                (None, Some((_, value))) if line.starts_with([' ', '\t']) => value.push_str(line),
                (Some((name, value)), _) => headers.push((name.to_owned(), value.to_owned())),
                _ => panic!("no header: {line:?}"),
            }
        }
        let text = Self { raw: raw.to_vec(), start, headers, body: raw[end + 4..].to_vec() };
        let length: usize = text.get("Content-Length").expect("always written").parse().unwrap();
        assert_eq!(length, text.body.len(), "the Content-Length of {text}");
        text
    }

    pub fn start(&self) -> &str {
        &self.start
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ").map(|rest| rest[..3].parse().unwrap())
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&str> {
        if self.status().is_some() { None } else { self.start.split(' ').next() }
    }

    /// The URI of a request.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(label, _)| label.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// A header that has to be there.
    pub fn header(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name} in {self}"))
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let same = move |(label, _): &&(String, String)| label.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str())
    }

    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub fn call_id(&self) -> &str {
        self.header("Call-ID")
    }

    /// The number of CSeq.
    pub fn cseq(&self) -> u32 {
        self.header("CSeq").split(' ').next().unwrap().parse().unwrap()
    }

    /// The method of CSeq.
    pub fn cseq_method(&self) -> &str {
        self.header("CSeq").split(' ').nth(1).unwrap()
    }

    pub fn branch(&self) -> &str {
        after(self.header("Via"), "branch=").expect("a branch")
    }

    pub fn to_tag(&self) -> Option<&str> {
        after(self.get("To")?, ";tag=")
    }

    pub fn from_tag(&self) -> Option<&str> {
        after(self.get("From")?, ";tag=")
    }

    /// The URI between the brackets of Contact.
    pub fn contact(&self) -> &str {
        between(self.header("Contact"), '<', '>')
    }

    /// The cause of `Reason: Q.850;cause=`.
    pub fn cause(&self) -> Option<u8> {
        self.get("Reason").map(|reason| {
            let value = reason.strip_prefix("Q.850;cause=").unwrap_or_else(|| panic!("odd Reason: {reason}"));
            value.parse().unwrap()
        })
    }

    pub fn body(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The rest of the first line of the SDP that starts so.
    pub fn sdp(&self, start: &str) -> Option<&str> {
        self.body().split("\r\n").find_map(|line| line.strip_prefix(start))
    }

    /// The session version of the SDP's o= line.
    pub fn sdp_version(&self) -> u64 {
        let origin = self.sdp("o=").unwrap_or_else(|| panic!("no SDP in {self}"));
        origin.split(' ').nth(2).unwrap().parse().unwrap()
    }

    /// The RTP port of the SDP's audio line.
    pub fn sdp_port(&self) -> u16 {
        let audio = self.sdp("m=audio ").unwrap_or_else(|| panic!("no audio in {self}"));
        audio.split(' ').next().unwrap().parse().unwrap()
    }

    /// The direction of the SDP.
    pub fn sdp_direction(&self) -> &'static str {
        let known = ["sendonly", "recvonly", "inactive"];
        known.into_iter().find(|word| self.sdp(&format!("a={word}")).is_some()).unwrap_or("sendrecv")
    }

    /// The encodings of the SDP, in its order, as `PCMU/8000`.
    pub fn sdp_codecs(&self) -> Vec<String> {
        let audio = self.sdp("m=audio ").unwrap_or_else(|| panic!("no audio in {self}"));
        audio.split(' ').skip(2).map(|payload| self.encoding(payload)).collect()
    }

    fn encoding(&self, payload: &str) -> String {
        let mapped = self.sdp(&format!("a=rtpmap:{payload} "));
        let fixed = match payload {
            "0" => Some("PCMU/8000"),
            "8" => Some("PCMA/8000"),
            "9" => Some("G722/8000"),
            _ => None,
        };
        mapped.or(fixed).unwrap_or_else(|| panic!("no rtpmap of {payload} in {self}")).to_owned()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.raw))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)
    }
}

/// What stands after `mark`, up to the next separator.
pub fn after<'a>(value: &'a str, mark: &str) -> Option<&'a str> {
    let rest = &value[value.find(mark)? + mark.len()..];
    Some(&rest[..rest.find([';', ',', '>', ' ', '"']).unwrap_or(rest.len())])
}

/// What stands between two characters.
pub fn between(value: &str, open: char, close: char) -> &str {
    let start = value.find(open).map_or(0, |at| at + 1);
    &value[start..value.rfind(close).unwrap_or(value.len())]
}
