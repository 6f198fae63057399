//! CSeq (RFC 3261 section 20.16).

use super::method::Method;
use super::token::{all_token, number, trim};

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
        if !all_token(method.as_bytes()) {
            return None;
        }
        Some(Self { number: number(digits)?, method: Method::new(method) })
    }
}

impl std::fmt::Display for CSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
