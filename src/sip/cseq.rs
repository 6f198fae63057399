//! CSeq (RFC 3261 section 20.16).

use super::method::Method;
use super::token::{TOKEN, all, number, trim};

/// The sequence number and method of a request, or of the request that a response answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The sequence number.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// Reads the value of a CSeq.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, method) = text.split_once([' ', '\t'])?;
        let method = trim(method);
        if !all(method, TOKEN) {
            return None;
        }
        Some(Self { number: number(digits)?, method: Method::new(method) })
    }
}

/// RAck: which provisional response a PRACK acknowledges (RFC 3262 section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RAck {
    /// The RSeq of the response.
    pub response: u32,
    /// The CSeq of the response.
    pub request: CSeq,
}

impl RAck {
    /// Reads the value of a RAck.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, request) = text.split_once([' ', '\t'])?;
        Some(Self { response: number(digits)?, request: CSeq::parse(trim(request))? })
    }
}

impl std::fmt::Display for CSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_32_bits() {
        assert_eq!(CSeq::parse("0009 \t INVITE"), Some(CSeq { number: 9, method: Method::INVITE }));
        assert_eq!(CSeq::parse("4294967295 X"), Some(CSeq { number: u32::MAX, method: Method::new("X") }));
        for text in
            ["", "1", "INVITE", "4294967296 INVITE", "-1 INVITE", "1 INV ITE", "1 ", "1INVITE", "1 INVITE;x"]
        {
            assert_eq!(CSeq::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_rack_names_the_response_and_its_request() {
        let rack = RAck::parse("776656 1  INVITE").unwrap();
        assert_eq!((rack.response, rack.request.number, rack.request.method), (776_656, 1, Method::INVITE));
        assert_eq!(RAck::parse("1 INVITE"), None);
    }
}
