//! The signature that tells a web service who calls it, and when.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::Secret;

/// The value of the header `Maskline-Signature`: `t`, in seconds since the Unix epoch, and `v1`, the HMAC-SHA256 (RFC
/// 2104) of the time, the method, the URL as it is asked for (`/` where it has no path), and the body, joined by dots, in
/// hexadecimal.
#[must_use]
pub fn signature(secret: &Secret, seconds: u64, method: &str, url: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.{method}.{url}.").as_bytes());
    mac.update(body);
    let mut value = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(value, "{byte:02x}").expect("writing into a String does not fail");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '%s' '1795335330.POST.https://example.com/events?x=1.{"id":7}' | openssl dgst -sha256 -hmac 'a secret'`
    #[test]
    fn it_is_what_openssl_computes() {
        let secret = Secret::new("a secret".to_owned());
        let url = "https://example.com/events?x=1";
        let signature = signature(&secret, 1_795_335_330, "POST", url, br#"{"id":7}"#);
        assert_eq!(
            signature,
            "t=1795335330,v1=84a646a64f59b84818c973e9a31007519fcbbea2313a78091ea81e765defc284"
        );
    }
}
