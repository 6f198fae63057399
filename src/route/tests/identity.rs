use super::*;

/// The identity that a trunk's request gives, by the values of its headers.
fn identify(trunk: usize, asserted: &[&str], remote_party: &[&str], from: &str) -> Identity {
    fn written<'a>(users: &[&'a str]) -> Vec<Written<'a>> {
        users.iter().map(|user| Written { user, context: None }).collect()
    }
    let (asserted, remote_party) = (written(asserted), written(remote_party));
    let from = Written { user: from, context: None };
    identity(&index(), trunk, &Claims { asserted: &asserted, remote_party: &remote_party, from })
}

const DEFAULT: usize = 0;
const RPID: usize = 2;
const FROM: usize = 3;
const PAI: usize = 4;

#[test]
fn only_the_header_that_a_trunk_is_trusted_for_names_the_caller() {
    assert_eq!(identify(DEFAULT, &[A], &[STRANGER], STRANGER), known(A));
    assert_eq!(identify(DEFAULT, &[], &[STRANGER], A), known(A));
    assert_eq!(identify(PAI, &[A], &[STRANGER], STRANGER), known(A));
    assert_eq!(identify(PAI, &[], &[A], A), Identity::Anonymous);
    assert_eq!(identify(RPID, &[STRANGER], &[A], STRANGER), known(A));
    assert_eq!(identify(RPID, &[A], &[], A), Identity::Anonymous);
    assert_eq!(identify(FROM, &[STRANGER], &[STRANGER], A), known(A));
}

#[test]
fn a_withheld_caller_is_known_by_a_trusted_header_or_not_at_all() {
    assert_eq!(identify(DEFAULT, &[A], &[], "anonymous"), known(A));
    assert_eq!(identify(DEFAULT, &[], &[], "anonymous"), Identity::Anonymous);
    assert_eq!(identify(DEFAULT, &["anonymous"], &[], A), Identity::Anonymous, "From is not asked instead");
    assert_eq!(identify(FROM, &[A], &[], "anonymous"), Identity::Anonymous);
    for from in ["", "unknown", "Restricted", "0", "112", "00000000000", "+91987650000x"] {
        assert_eq!(identify(DEFAULT, &[], &[], from), Identity::Anonymous, "{from}");
    }
}

#[test]
fn several_values_have_to_agree() {
    assert_eq!(identify(PAI, &["+919876500001", "09876500001"], &[], ""), known(A), "a sip: and a tel: URI");
    assert_eq!(identify(PAI, &["alice", A], &[], ""), known(A));
    assert_eq!(identify(PAI, &[A, B], &[], ""), Identity::Anonymous);
}

#[test]
fn a_caller_is_read_by_the_trunks_format() {
    assert_eq!(identify(DEFAULT, &[], &[], "6591234567"), known("+916591234567"));
    assert_eq!(identify(FROM, &[], &[], "6591234567"), known("+6591234567"));
    let claims = Claims { from: Written { user: "9876500001", context: Some("+91") }, ..Claims::default() };
    assert_eq!(identity(&index(), FROM, &claims), known(A));
}
