use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::settings::{Leads, Settings};
use crate::base::{PhoneNumber, Timestamp};
use crate::ledger::Book;

mod identity;
mod place;
mod service;

const M1: &str = "+918045550101";
const M2: &str = "+918045550102";
/// One-way: anyone reaches D.
const OPEN: &str = "+918045550103";
/// Owned, and nothing is mapped to it.
const IDLE: &str = "+918045550104";
const A: &str = "+919876500001";
const B: &str = "+919876500002";
const D: &str = "+442071838750";
const STRANGER: &str = "+919876500009";

const FILE: &str = r#"
[numbers]
country = "IN"
owned = ["+918045550101", "+918045550102", "+918045550103", "+918045550104"]
[call]
ring_timeout = "45s"
[[trunks]]
name = "rest"
sources = ["10.0.0.0/8"]
target = "sip:10.0.0.1"
[[trunks]]
name = "india"
sources = ["10.1.0.0/16", "2001:db8::/32"]
target = "sip:10.1.0.1"
prefixes = ["+91"]
format_out = "national"
[[trunks]]
name = "mobile"
sources = ["192.0.2.1"]
target = "sip:192.0.2.1"
prefixes = ["+44", "+9198"]
allowed_show = ["+918045550101"]
identity_in = "rpid"
[[trunks]]
name = "mobile-too"
sources = ["192.0.2.2"]
target = "sip:192.0.2.2"
prefixes = ["+9198"]
identity_in = "from"
format_in = "e164"
[[trunks]]
name = "strict"
sources = ["192.0.2.3"]
target = "sip:192.0.2.3"
prefixes = ["+999"]
identity_in = "pai"
[[phones]]
username = "agent"
password = "secret"
number = "+919876500001"
[[mappings]]
dialled = "+918045550101"
caller = "+919876500001"
destination = "+919876500002"
show = "+918045550102"
[[mappings]]
dialled = "+918045550102"
caller = "+919876500002"
destination = "+919876500001"
show = "+918045550101"
[[mappings]]
dialled = "+918045550103"
destination = "+442071838750"
show = "+918045550103"
[[mappings]]
dialled = "+918045550103"
caller = "+919876500002"
destination = "+919876500005"
show = "+918045550101"
"#;

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

fn settings(text: &str) -> Settings {
    Settings::parse(text, Path::new("config.toml")).unwrap()
}

fn index() -> Index {
    Index::new(Arc::new(settings(FILE)))
}

fn question(dialled: &str, caller: Identity) -> Question {
    Question { source: Source::Trunk(0), dialled: dialled.into(), context: None, caller }
}

fn known(caller: &str) -> Identity {
    Identity::Known(number(caller))
}

fn ask(dialled: &str, caller: Identity) -> Decision {
    answer(&index(), &question(dialled, caller))
}

/// The decision by the settings alone.
fn answer(index: &Index, question: &Question) -> Decision {
    decide(index, &Book::new(), Timestamp::default(), question)
}

#[track_caller]
fn bridged(decision: Decision) -> Plan {
    match decision {
        Decision::Bridge(plan) => plan,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(decision: Decision) -> RefusalKind {
    match decision {
        Decision::Refuse(refusal) => {
            assert!(!refusal.trace.is_empty(), "every refusal is traced");
            refusal.kind
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pair_reaches_each_other_and_sees_masking_numbers_only() {
    let plan = bridged(ask(M1, known(A)));
    assert_eq!((plan.dialled, plan.destination, plan.show), (number(M1), number(B), number(M2)));
    assert_eq!(plan.caller, Some(number(A)));
    assert_eq!(
        (plan.ring_timeout, plan.max_duration),
        (Duration::from_secs(45), Duration::from_secs(14_400))
    );
    let back = bridged(ask(M2, known(B)));
    assert_eq!((back.destination, back.show), (number(A), number(M1)));
    assert_eq!(back.target, Target::Phone(0), "a phone's number is reached at the phone");
}

#[test]
fn nobody_else_reaches_a_pair() {
    for caller in [known(STRANGER), known(B), Identity::Anonymous] {
        assert_eq!(refused(ask(M1, caller)), RefusalKind::CallerNotAllowed);
    }
    assert_eq!(refused(ask(M2, known(A))), RefusalKind::CallerNotAllowed);
}

#[test]
fn a_one_way_number_is_for_anyone_and_an_exact_row_wins() {
    for caller in [known(STRANGER), known(A), Identity::Anonymous] {
        assert_eq!(bridged(ask(OPEN, caller)).destination, number(D));
    }
    assert_eq!(bridged(ask(OPEN, known(B))).destination, number("+919876500005"));
}

#[test]
fn numbers_that_lead_nowhere_get_the_one_refusal() {
    assert_eq!(refused(ask(IDLE, known(A))), RefusalKind::NoMapping);
    assert_eq!(refused(ask(STRANGER, known(A))), RefusalKind::NotOurs);
    assert_eq!(
        refused(ask(B, known(A))),
        RefusalKind::NotOurs,
        "a party's real number is not dialled through us"
    );
    assert_eq!(refused(ask("agent", known(A))), RefusalKind::Ambiguous);
    assert_eq!(refused(ask("", known(A))), RefusalKind::Ambiguous);
    for kind in [
        RefusalKind::NotOurs,
        RefusalKind::NoMapping,
        RefusalKind::CallerNotAllowed,
        RefusalKind::Ambiguous,
        RefusalKind::CallerClaimsOwn,
    ] {
        assert_eq!(kind.treatment(), Treatment::Uniform);
    }
}

#[test]
fn number_tricks_come_to_one_canonical_form() {
    for dialled in [
        "+918045550101",
        "00918045550101",
        "08045550101",
        "8045550101",
        "918045550101",
        "+91-80-4555-0101",
        "+918045550101;ext=99",
        "+918045550101;isub=1;phone-context=+1",
        "+918045550101;rn=+14155550100;npdi",
        "8045550101;phone-context=+91",
    ] {
        assert_eq!(bridged(ask(dialled, known(A))).dialled, number(M1), "{dialled}");
    }
    for dialled in [
        "\u{ff0b}918045550101",
        "+91804555010\u{ff11}",
        "+91804555010\u{661}",
        "8045550101;phone-context=example.com",
        "%2B918045550101",
        "+918045550101\r\nX: y",
        "++918045550101",
        "+91(0)8045550101",
        "tel:+918045550101",
    ] {
        assert_eq!(refused(ask(dialled, known(A))), RefusalKind::Ambiguous, "{dialled}");
    }
    assert_eq!(
        refused(ask("8045550101;phone-context=+44", known(A))),
        RefusalKind::NotOurs,
        "a British number"
    );
    let mut tel = question("8045550101", known(A));
    tel.context = Some("+91".into());
    assert_eq!(bridged(answer(&index(), &tel)).dialled, number(M1));
    tel.context = Some("carrier.example".into());
    assert_eq!(refused(answer(&index(), &tel)), RefusalKind::Ambiguous);
}

#[test]
fn emergency_numbers_and_short_codes_are_refused_whoever_calls() {
    for dialled in ["112", "911", "999", "100", "108", "+112", "sos", "urn:service:sos.fire"] {
        assert_eq!(refused(ask(dialled, known(A))), RefusalKind::Emergency, "{dialled}");
    }
    for dialled in ["1098", "155260", "*67", "+44116123", "+91112"] {
        assert_eq!(refused(ask(dialled, Identity::Anonymous)), RefusalKind::ShortCode, "{dialled}");
    }
    assert_eq!(RefusalKind::Emergency.treatment(), Treatment::Special);
    assert_eq!(RefusalKind::ShortCode.treatment(), Treatment::Special);
}

#[test]
fn a_caller_who_claims_our_number_is_refused_even_where_anyone_may_call() {
    for dialled in [OPEN, M1, STRANGER] {
        assert_eq!(refused(ask(dialled, known(M1))), RefusalKind::CallerClaimsOwn, "{dialled}");
    }
}

#[test]
fn a_phone_is_its_number_whatever_it_claims() {
    for caller in [known(STRANGER), known(M2), Identity::Anonymous] {
        let asked = Question { source: Source::Phone(0), ..question(M1, caller) };
        let plan = bridged(answer(&index(), &asked));
        assert_eq!((plan.caller, plan.destination), (Some(number(A)), number(B)));
    }
}

#[test]
fn the_longest_prefix_comes_first_then_the_order_of_the_file() {
    // B is +9198...: "mobile" may not show M2, and stays out of the failover too.
    assert_eq!(bridged(ask(M1, known(A))).target, Target::Trunks(vec![3, 1, 0]));
    // The same prefix, allowed to show M1: the order of the file.
    assert_eq!(bridged(ask(OPEN, known(B))).target, Target::Trunks(vec![2, 3, 1, 0]));
    assert_eq!(bridged(ask(OPEN, known(A))).target, Target::Trunks(vec![0]), "+44 may show M1 only");
}

#[test]
fn without_a_trunk_that_takes_or_shows_it_a_call_is_refused_and_traced() {
    let mut without = settings(FILE);
    without.trunks[0].prefixes = vec!["1".into()];
    let decision = answer(&Index::new(Arc::new(without.clone())), &question(OPEN, known(A)));
    assert_eq!(decision.trace().last(), Some(&Step::TrunkMayNotShow("mobile".into())));
    assert_eq!(refused(decision), RefusalKind::ShowNotAllowed);
    without.trunks[2].prefixes = vec!["9198".into()];
    let decision = answer(&Index::new(Arc::new(without)), &question(OPEN, known(A)));
    assert_eq!(decision.trace().last(), Some(&Step::NoTrunk));
    assert_eq!(refused(decision), RefusalKind::NoRoute);
}

#[test]
fn what_the_file_may_not_say_is_refused_at_run_time_too() {
    let mut changed = settings(FILE);
    for (destination, show, kind) in [
        (M2, M2, RefusalKind::DestinationOwn),
        (B, STRANGER, RefusalKind::ShowNotAllowed),
        (B, A, RefusalKind::ShowNotAllowed),
        ("+44116123", M2, RefusalKind::ShortCode),
    ] {
        changed.mappings[0].leads = Leads::To { destination: number(destination), show: number(show) };
        let index = Index::new(Arc::new(changed.clone()));
        assert_eq!(refused(answer(&index, &question(M1, known(A)))), kind);
    }
}

#[test]
fn a_trunk_is_known_by_the_narrowest_network_around_the_address() {
    let index = index();
    let at = |address: &str| index.trunk_at(address.parse().unwrap());
    assert_eq!(at("10.2.3.4"), Some(0));
    assert_eq!(at("10.1.3.4"), Some(1));
    assert_eq!(at("::ffff:10.1.3.4"), Some(1), "the same host, as a dual-stack socket sees it");
    assert_eq!(at("2001:db8::5"), Some(1));
    assert_eq!(at("192.0.2.1"), Some(2));
    assert_eq!(at("192.0.2.9"), None);
    assert_eq!(at("::1"), None);
}

#[test]
fn look_ups_and_written_forms() {
    let index = index();
    assert_eq!((index.phone_named("agent"), index.phone_named("Agent")), (Some(0), None));
    assert_eq!((index.phone_of(number(A)), index.phone_of(number(B))), (Some(0), None));
    assert!(index.owns(number(M1)) && !index.owns(number(A)));
    assert_eq!(index.written_for(0, number(B)), "+919876500002");
    assert_eq!(index.written_for(1, number(B)), "09876500002");
}

#[test]
fn a_trace_prints_no_number_whole() {
    for (dialled, caller) in
        [(M1, known(A)), (OPEN, known(M1)), (STRANGER, known(B)), ("9876500009x", known(A))]
    {
        let asked = question(dialled, caller);
        let decision = answer(&index(), &asked);
        let printed: Vec<String> = decision.trace().iter().map(ToString::to_string).collect();
        let printed = format!("{printed:?} {decision:?} {asked:?}");
        assert!(!printed.contains("98765000") && !printed.contains("80455501"), "{printed}");
    }
    let steps: Vec<String> = ask(M2, known(B)).trace().iter().map(ToString::to_string).collect();
    let expected = [
        "the call comes from trunk rest",
        "the caller is +9198******02",
        "+9180******02 was dialled",
        "a mapping for this caller goes to +9198******01",
        "+9180******01 is to be shown",
        "the destination is phone agent",
    ];
    assert_eq!(steps, expected);
}

proptest! {
    #[test]
    fn whatever_is_dialled_shows_ours_and_reaches_a_mapped_destination(
        dialled in prop_oneof!["\\PC{0,30}", "[+0-9*#;=.-]{0,20}", "0?(91)?80455501[0-9]{2}"],
        context in proptest::option::of("[+0-9a-z.]{0,8}"),
        caller in prop_oneof![Just(Identity::Anonymous), Just(known(A)), Just(known(B)), Just(known(M1))],
        source in prop_oneof![(0_usize..5).prop_map(Source::Trunk), Just(Source::Phone(0))],
    ) {
        let index = index();
        let asked = Question { source, dialled, context, caller };
        if let Decision::Bridge(plan) = answer(&index, &asked) {
            prop_assert!(index.owns(plan.show) && index.owns(plan.dialled) && !index.owns(plan.destination));
            prop_assert!(!plan.caller.is_some_and(|caller| index.owns(caller)));
            let (rows, book) = (&index.settings().mappings, Book::new());
            let ours = Ours { index: &index, book: &book };
            prop_assert!(rows.iter().any(|row| row.dialled == plan.dialled
                && row.destination() == Some(plan.destination)
                && row.show() == Some(plan.show)
                && row.caller.is_none_or(|caller| plan.caller == Some(caller))));
            if let Target::Trunks(trunks) = plan.target {
                prop_assert!(!trunks.is_empty() && trunks.iter().all(|&trunk| ours.may_show(trunk, plan.show)));
            }
        }
    }
}
