//! The part of a request that its ACK and its CANCEL repeat.

use bytes::Bytes;

use crate::sip::{Method, Name, Writer};

/// Request-URI, Via, Route, From, To, Call-ID and CSeq number of a request that we send: RFC 3261 sections 9.1
/// (CANCEL) and 17.1.1.3 (ACK of a failure) build on them.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// The Request-URI.
    pub uri: Box<str>,
    /// The value of our Via, branch included.
    pub via: Box<str>,
    /// The values of the Route header fields, in order.
    pub routes: Vec<Box<str>>,
    /// The value of From, tag included.
    pub from: Box<str>,
    /// The value of To, with a tag inside a dialog.
    pub to: Box<str>,
    /// The value of Call-ID.
    pub call_id: Box<str>,
    /// The sequence number of CSeq.
    pub cseq: u32,
    /// The value of Max-Forwards.
    pub max_forwards: u8,
}

impl RequestHead {
    /// A writer that has written this head for a method; the caller adds what else the request carries.
    #[must_use]
    pub fn write(&self, method: &Method) -> Writer {
        self.write_to(method, &self.to)
    }

    /// The ACK of a final response other than 2xx, whose To (with its tag) is given.
    #[must_use]
    pub fn ack(&self, to: &str) -> Bytes {
        self.write_to(&Method::ACK, to).finish()
    }

    /// The CANCEL of this request.
    #[must_use]
    pub fn cancel(&self) -> Bytes {
        self.write(&Method::CANCEL).finish()
    }

    fn write_to(&self, method: &Method, to: &str) -> Writer {
        let mut writer = Writer::request(method, &self.uri);
        writer.header(Name::Via, &self.via);
        for route in &self.routes {
            writer.header(Name::Route, route);
        }
        writer
            .header(Name::MaxForwards, self.max_forwards)
            .header(Name::From, &self.from)
            .header(Name::To, to)
            .header(Name::CallId, &self.call_id)
            .header(Name::CSeq, format_args!("{} {}", self.cseq, method.as_str()));
        writer
    }
}
