//! When two URIs mean the same (RFC 3261 section 19.1.4, RFC 3966 section 4).

use std::borrow::Cow;

use super::host::Host;
use super::params::{Param, Params};
use super::uri::{Scheme, Uri, decode};

impl Uri {
    /// Whether both URIs mean the same. An escape counts as the character it stands for, also where RFC 3261 would
    /// tell a reserved one apart.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if self.scheme() != other.scheme() {
            return false;
        }
        match self.scheme() {
            Scheme::Sip | Scheme::Sips => same_sip(self, other),
            Scheme::Tel => same_tel(self, other),
            Scheme::Other => self == other,
        }
    }
}

fn same_sip(one: &Uri, other: &Uri) -> bool {
    let same_host = match (one.host(), other.host()) {
        (Some(Host::Name(one)), Some(Host::Name(other))) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    };
    let user = |uri: &Uri| uri.raw_userinfo().map(|text| decode(text).into_owned());
    same_host
        && one.port() == other.port()
        && user(one) == user(other)
        && agree(&one.params(), &other.params())
        && agree(&other.params(), &one.params())
        && same_headers(one, other)
}

/// The parameters that count even where only one of two URIs has them.
const FIXED: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

/// Whether no parameter of the one contradicts those of the other. Of a repeated one, the first counts.
fn agree(one: &Params<'_>, other: &Params<'_>) -> bool {
    one.clone().all(|(name, _)| {
        let name = decode(name);
        match (one.clone().get(&name), other.clone().get(&name)) {
            (Some(ours), Some(theirs)) => same(ours, theirs),
            _ => !FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(&name)),
        }
    })
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    let plain = |text: Option<&str>| text.map(|text| decode(text).to_ascii_lowercase());
    plain(one) == plain(other)
}

/// Whether both have the same header fields, in whatever order.
fn same_headers(one: &Uri, other: &Uri) -> bool {
    let sorted = |uri: &Uri| {
        let fields = uri.headers().trim_start_matches("?").split('&').map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (decode(name).to_ascii_lowercase(), decode(value).into_owned())
        });
        let mut fields: Vec<_> = fields.collect();
        fields.sort_unstable();
        fields
    };
    sorted(one) == sorted(other)
}

/// Whether both are the same number, visual separators aside, with the same parameters in whatever order.
fn same_tel(one: &Uri, other: &Uri) -> bool {
    let digits = |uri: &Uri| {
        let number = uri.user().unwrap_or(Cow::Borrowed(""));
        number
            .chars()
            .filter(|character| !"-.()".contains(*character))
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let sorted = |uri: &Uri| {
        let lower =
            |(name, value): Param<'_>| (name.to_ascii_lowercase(), value.map(str::to_ascii_lowercase));
        let mut params: Vec<_> = uri.params().map(lower).collect();
        params.sort_unstable();
        params
    };
    digits(one) == digits(other) && sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(one: &str, other: &str) -> bool {
        let (one, other) = (Uri::parse(one).unwrap(), Uri::parse(other).unwrap());
        assert_eq!(one.is_equivalent(&other), other.is_equivalent(&one), "it is symmetric");
        one.is_equivalent(&other)
    }

    #[test]
    fn the_equivalent_pairs_of_rfc_3261() {
        assert!(equivalent("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
        assert!(equivalent("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
        assert!(equivalent("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
        assert!(equivalent("sip:carol@chicago.com;a;a=5", "sip:carol@chicago.com;a;a=5"));
        assert!(equivalent(
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
        ));
        assert!(equivalent(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
        ));
    }

    #[test]
    fn the_different_pairs_of_rfc_3261() {
        assert!(!equivalent("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
        assert!(!equivalent("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!equivalent("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
        assert!(!equivalent("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
        assert!(!equivalent("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
        assert!(!equivalent("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
        assert!(!equivalent("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
        assert!(!equivalent("sip:carol:one@chicago.com", "sip:carol:two@chicago.com"));
        assert!(!equivalent("sip:carol@chicago.com", "sip:carol@chicago.com;%75ser=phone"));
    }

    #[test]
    fn numbers_are_compared_without_their_separators() {
        assert!(equivalent("tel:+1-201-555-0123", "tel:+1(201)555.0123"));
        assert!(equivalent(
            "tel:7042;phone-context=example.com;ext=1",
            "TEL:7042;ext=1;phone-context=EXAMPLE.com"
        ));
        assert!(!equivalent("tel:+12015550123", "tel:12015550123"));
        assert!(!equivalent("tel:7042;phone-context=example.com", "tel:7042;phone-context=example.net"));
        assert!(!equivalent("tel:+12015550123", "sip:+12015550123@example.com"));
    }
}
