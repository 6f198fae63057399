//! The signatures of a request: those that applications written for Vobiz and for Plivo check, and our own. The
//! operator's one secret signs all of them; it is what the applications know as their auth token.
//!
//! Vobiz, "Validating Callbacks": V2 is over the URL without its query and a nonce, V3 over both with a dot between.
//! Plivo, "Signature Validation" and the `signature_v3` of plivo-python and plivo-node: V2 is the same, V3 is over the
//! URL, its query in order, the form's parameters in order, and the nonce. What either platform signs once more for a
//! main account has the same value here, where there is one account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::{Random, Secret};
use crate::hook::sign::signature;
use crate::voice::{Method, Pair};

/// What is signed.
pub(super) struct Signed<'a> {
    /// The URL as it is requested, with the parameters where they are in it.
    pub(super) url: &'a str,
    pub(super) method: Method,
    pub(super) pairs: &'a [Pair],
    pub(super) body: &'a [u8],
}

/// Every header of the three families; `seconds` are those since the Unix epoch.
pub(super) fn headers(
    secret: &Secret,
    signed: &Signed<'_>,
    seconds: u64,
    random: &mut Random,
) -> Vec<(&'static str, String)> {
    // Both platforms write nonces of 20 digits.
    let nonce = format!("{:020}", random.next_u64());
    let base = signed.url.split('?').next().unwrap_or_default();
    let v2 = hmac(secret, &format!("{base}{nonce}"));
    let vobiz = hmac(secret, &format!("{base}.{nonce}"));
    let plivo = hmac(secret, &format!("{}.{nonce}", canonical(signed)));
    let method = match signed.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    vec![
        ("x-vobiz-signature-v2", v2.clone()),
        ("x-vobiz-signature-v2-nonce", nonce.clone()),
        ("x-vobiz-signature-ma-v2", v2.clone()),
        ("x-vobiz-signature-v3", vobiz.clone()),
        ("x-vobiz-signature-v3-nonce", nonce.clone()),
        ("x-vobiz-signature-ma-v3", vobiz),
        ("x-plivo-signature-v2", v2.clone()),
        ("x-plivo-signature-v2-nonce", nonce.clone()),
        ("x-plivo-signature-ma-v2", v2),
        ("x-plivo-signature-v3", plivo.clone()),
        ("x-plivo-signature-v3-nonce", nonce),
        ("x-plivo-signature-ma-v3", plivo),
        ("maskline-signature", signature(secret, seconds, method, signed.url, signed.body)),
    ]
}

/// What Plivo's V3 is over, but for the nonce: the URL, `?` where anything follows, its query as sorted `key=value`
/// with `&` between, and after a POST, with a dot where there is a query, the sorted parameters, each key before its
/// value.
fn canonical(signed: &Signed<'_>) -> String {
    let (base, query) = signed.url.split_once('?').unwrap_or((signed.url, ""));
    let mut query: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    query.sort_unstable();
    let query: Vec<String> = query.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut pairs: Vec<&Pair> = match signed.method {
        Method::Get => Vec::new(),
        Method::Post => signed.pairs.iter().collect(),
    };
    pairs.sort_unstable();
    let pairs: String = pairs.into_iter().flat_map(|(key, value)| [*key, value.as_str()]).collect();
    let mark = if query.is_empty() && pairs.is_empty() { "" } else { "?" };
    let dot = if query.is_empty() || pairs.is_empty() { "" } else { "." };
    format!("{base}{mark}{}{dot}{pairs}", query.join("&"))
}

fn hmac(secret: &Secret, text: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("my_auth_token".to_owned())
    }

    /// The vectors of the tests of plivo-go, plivo-node, plivo-ruby and plivo-dotnet.
    #[test]
    fn v2_is_what_the_sdks_expect() {
        for (text, token, signature) in [
            ("https://answer.url12345", "my_auth_token", "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc="),
            (
                "https://answer.url:800024725744043720739450",
                "my_auth_token",
                "LDphWoWimP4QM5AoWI1uwP6WmlWtt5ITPZjXIWYvCNU=",
            ),
            (
                "https://answer.url:8080123456",
                "my_auth_tokens",
                "xeV6S6BPIQJ/rgKCjCm/Fo2ve5zNe1fatQoHyRT8vxQ=",
            ),
        ] {
            assert_eq!(hmac(&Secret::new(token.to_owned()), text), signature);
        }
    }

    /// The first two are the vectors of openHAB's Plivo binding, made with plivo-python's algorithm; the others were
    /// computed with the functions of plivo-python's `signature_v3.py` themselves.
    #[test]
    fn plivos_v3_is_what_the_sdks_expect() {
        let pairs = [
            ("From", "+14156667777".to_owned()),
            ("To", "+14158889999".to_owned()),
            ("CallUUID", "abcd-1234".to_owned()),
        ];
        let v3 = |method, url, pairs: &[Pair]| {
            let signed = Signed { url, method, pairs, body: b"" };
            hmac(&secret(), &format!("{}.12345", canonical(&signed)))
        };
        for (method, url, pairs, signature) in [
            (
                Method::Post,
                "https://example.com/answer",
                &pairs[..],
                "QUFNUHBhaE5m20p3UFtVHCb66PSliiukfx8M6MyiJwk=",
            ),
            (
                Method::Post,
                "https://example.com/answer?token=xyz",
                &pairs,
                "IryQ8ucGk4J35wJRxh5K0iVvDCSZpHflFICcZxwx7Cc=",
            ),
            (
                Method::Get,
                "https://example.com/answer?b=2&a=1&From=%2B14156667777&a=0&Speech=",
                &[],
                "6xuc8B3PZntXK5lBwexDfMCHww/1DP9JG7D1ke7s/m4=",
            ),
            (
                Method::Post,
                "https://example.com:8443/?z=last%20one&a=x+y",
                &pairs,
                "hG7Sd0ACYs3+6hZ1kmGRh0I8otnDtA7SlARTdcqUjlY=",
            ),
            (Method::Post, "https://example.com/answer", &[], "0yCSTcpk0g5MyH+eKhYi02RUlMZ/VPnJKABuBXoajUc="),
            (
                Method::Post,
                "https://example.com/answer?a=b",
                &[],
                "NvRdJBkcg8KDQx+9SJn+fQUGR21ulhjAY05/M/IHm3I=",
            ),
        ] {
            assert_eq!(v3(method, url, pairs), signature, "{url}");
        }
    }

    #[test]
    fn vobiz_signs_the_url_without_its_query() {
        let mut random = Random::from_number(7);
        let pairs = [("From", "1".to_owned())];
        let signed =
            Signed { url: "https://h.example/a?b=c", method: Method::Post, pairs: &pairs, body: b"From=1" };
        let headers = headers(&secret(), &signed, 1_795_335_330, &mut random);
        let of = |name| headers.iter().find(|header| header.0 == name).unwrap().1.clone();
        let nonce = of("x-vobiz-signature-v3-nonce");
        assert!(nonce.len() == 20 && nonce.bytes().all(|byte| byte.is_ascii_digit()), "{nonce}");
        assert_eq!(of("x-vobiz-signature-v2"), hmac(&secret(), &format!("https://h.example/a{nonce}")));
        assert_eq!(of("x-vobiz-signature-v3"), hmac(&secret(), &format!("https://h.example/a.{nonce}")));
        assert_eq!(of("x-plivo-signature-v2"), of("x-vobiz-signature-v2"));
        assert_eq!(
            of("x-plivo-signature-v3"),
            hmac(&secret(), &format!("https://h.example/a?b=c.From1.{nonce}"))
        );
        let own = signature(&secret(), 1_795_335_330, "POST", "https://h.example/a?b=c", b"From=1");
        assert_eq!(of("maskline-signature"), own);
    }
}
