//! Orders that may be placed, and those that may not.

use super::*;

fn placed(first: &str, second: &str, show: &str) -> Result<Placed, Refusal> {
    let (parties, sees) = ([first, second].map(number), [number(show); 2]);
    let errand = Errand { parties, sees, session: None, is_way_back: false };
    place(&index(), &Book::new(), Timestamp::default(), &errand)
}

#[test]
fn each_party_is_called_where_its_calls_go() {
    let Placed { first, second, trace } = placed(A, D, M1).unwrap();
    assert_eq!((first, second), (Target::Phone(0), Target::Trunks(vec![2, 0])));
    let steps: Vec<String> = trace.iter().map(ToString::to_string).collect();
    assert!(steps[0].ends_with("is to be called first"), "{steps:?}");
    assert!(steps.iter().any(|step| step.ends_with("is to be called then")), "{steps:?}");
    assert!(
        steps.iter().all(|step| !step.contains(&D[4..]) && !step.contains(&A[6..])),
        "redacted: {steps:?}"
    );
}

#[test]
fn a_trunk_that_may_not_show_the_number_is_passed_over() {
    assert_eq!(placed(B, D, M2).unwrap().first, Target::Trunks(vec![3, 1, 0]));
    assert_eq!(placed(B, D, M1).unwrap().first, Target::Trunks(vec![2, 3, 1, 0]));
}

#[test]
fn what_must_not_be_called_or_shown_is_refused_on_either_side() {
    let kind = |first, second, show| placed(first, second, show).unwrap_err().kind;
    for (one, other, show, expected) in [
        (IDLE, D, M1, RefusalKind::DestinationOwn),
        (M1, D, M1, RefusalKind::DestinationOwn),
        ("+44116123", D, M1, RefusalKind::ShortCode),
        (B, D, STRANGER, RefusalKind::ShowNotAllowed),
        (B, D, A, RefusalKind::ShowNotAllowed),
        (B, B, M1, RefusalKind::SameParty),
    ] {
        assert_eq!(kind(one, other, show), expected, "{one}");
        assert_eq!(kind(other, one, show), expected, "{one} as the second");
    }
}
