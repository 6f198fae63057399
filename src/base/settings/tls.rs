//! `[api] tls`: the certificate that the API is served with, and its private key.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use toml::de::DeValue;

use super::table::{Flaw, Read, Value};
use super::values::text;

const WRITE: &str = "write both, as in { certificate = \"cert.pem\", key = \"key.pem\" }";

/// A certificate, with those that lead to its authority behind it, and its key.
pub(super) fn tls(value: &Value<'_>, folder: &Path) -> Read<Arc<CertifiedKey>> {
    let DeValue::Table(table) = value.get_ref() else { return flaw(value, WRITE) };
    if let Some(key) = table.keys().find(|key| !["certificate", "key"].contains(&&**key.get_ref())) {
        let message = "unknown key in tls: known are certificate and key".to_owned();
        return Err(vec![Flaw { offset: key.span().start, message }]);
    }
    let (Some(certificate), Some(key)) = (table.get("certificate"), table.get("key")) else {
        return flaw(value, WRITE);
    };
    let chain = text(|file| certificates(&folder.join(file)))(certificate);
    let secret = text(|file| private_key(&folder.join(file)))(key);
    let (chain, secret) = match (chain, secret) {
        (Ok(chain), Ok(secret)) => (chain, secret),
        (chain, secret) => {
            return Err(chain.err().into_iter().chain(secret.err()).flatten().collect());
        }
    };
    match CertifiedKey::from_der(chain, secret, &default_provider()) {
        Ok(pair) => Ok(Arc::new(pair)),
        Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            flaw(key, "is not the key of the certificate: name the one that it was made with")
        }
        Err(TlsError::InvalidCertificate(_)) => flaw(
            certificate,
            "holds what is no certificate: name a PEM file with the server's certificate first",
        ),
        Err(_) => flaw(
            key,
            "holds a key of a kind that cannot be used: make one of RSA, ECDSA (P-256, P-384) or Ed25519",
        ),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(unfit(&PemError::NoItemsFound, "a certificate")),
        Err(error) => Err(unfit(&error, "a certificate")),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unfit(&error, "a private key"))
}

/// Why a file is not taken; nothing of what it holds is repeated.
fn unfit(error: &PemError, what: &str) -> String {
    match error {
        PemError::Io(error) => format!("cannot be read ({error}): name a PEM file with {what}"),
        _ => format!("holds no {} in PEM: name a file with {what}", what.trim_start_matches("a ")),
    }
}

fn flaw<T>(value: &Value<'_>, message: impl Into<String>) -> Read<T> {
    Err(vec![Flaw { offset: value.span().start, message: message.into() }])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use crate::base::settings::Settings;

    #[test]
    fn a_pair_is_read_from_the_settings_folder_or_its_fault_is_told_at_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in ["a", "b"] {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            write(&format!("{name}.pem"), &cert.pem());
            write(&format!("{name}.key"), &signing_key.serialize_pem());
        }
        write("text.pem", "nothing of this kind\n");
        write("odd.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let told = |tls: &str| {
            let text = format!("[api]\n\ntls = {tls}\n[numbers]\ncountry = \"IN\"\n");
            let read = Settings::parse(&text, &folder.path().join("config.toml"));
            read.map(|settings| settings.api.tls.is_some()).map_err(|faults| {
                assert!(
                    faults.iter().all(|fault| fault.line == Some(3) && fault.key == "api.tls"),
                    "{faults:?}"
                );
                faults.iter().map(|fault| fault.message.clone()).collect::<Vec<_>>().join("; ")
            })
        };
        let pair = |certificate: &str, key: &str| {
            told(&format!("{{ certificate = \"{certificate}\", key = \"{key}\" }}"))
        };
        assert_eq!(pair("a.pem", "a.key"), Ok(true));
        for (certificate, key, message) in [
            ("a.pem", "b.key", "is not the key of the certificate"),
            ("none.pem", "a.key", "cannot be read (No such file"),
            ("a.pem", "none.key", "cannot be read (No such file"),
            ("text.pem", "a.key", "holds no certificate in PEM"),
            ("a.pem", "a.pem", "holds no private key in PEM"),
            ("odd.pem", "a.key", "holds what is no certificate"),
        ] {
            let fault = pair(certificate, key).unwrap_err();
            assert!(fault.starts_with(message), "{certificate} {key}: {fault}");
        }
        let both = pair("none.pem", "text.pem").unwrap_err();
        assert!(both.contains("cannot be read") && both.contains("holds no private key"), "{both}");
        for wrong in ["true", "{ certificate = \"a.pem\" }", "{ key = \"a.key\" }"] {
            assert!(told(wrong).unwrap_err().starts_with("write both"), "{wrong}");
        }
        assert!(
            told("{ certificate = \"a.pem\", key = \"a.key\", ca = 1 }")
                .unwrap_err()
                .starts_with("unknown key")
        );
    }
}
