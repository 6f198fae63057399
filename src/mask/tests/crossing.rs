//! The failure map: what a far side's status becomes.

use crate::mask::{Cause, Failure};
use crate::sip::Status;

#[test]
fn a_far_sides_status_becomes_one_of_few() {
    use Failure::{Busy, NoAnswer, NoCommonCodec, Rejected, Unreachable};
    let rows: &[(Failure, &[u16], u16, u8)] = &[
        (Busy, &[486, 600], 486, 17),
        (NoAnswer, &[408, 480, 487], 480, 19),
        (Rejected, &[401, 403, 407, 433, 603, 607, 608], 480, 21),
        (NoCommonCodec, &[415, 488, 606], 488, 88),
        (
            Unreachable,
            &[
                300, 301, 302, 305, 380, 400, 402, 404, 405, 406, 410, 412, 413, 414, 416, 420, 421, 422,
                423, 428, 429, 436, 437, 438, 470, 481, 482, 483, 484, 485, 489, 491, 493, 494, 500, 501,
                502, 503, 504, 505, 513, 555, 580, 599, 604, 699,
            ],
            480,
            27,
        ),
    ];
    for (failure, codes, status, cause) in rows {
        for code in *codes {
            assert_eq!(Failure::from_status(Status::new(*code).unwrap()), *failure, "{code}");
        }
        assert_eq!((failure.status().code(), failure.cause().value()), (*status, *cause), "{failure:?}");
    }
}

#[test]
fn nothing_but_486_480_and_488_ever_reaches_the_caller() {
    for code in 300..=699 {
        let status = Failure::from_status(Status::new(code).unwrap()).status().code();
        assert!([480, 486, 488].contains(&status), "{code} became {status}");
    }
}

#[test]
fn of_several_failures_the_most_telling_is_the_least() {
    let order =
        [Failure::Busy, Failure::Rejected, Failure::NoAnswer, Failure::NoCommonCodec, Failure::Unreachable];
    assert!(order.is_sorted());
}

#[test]
fn causes_are_the_values_of_q_850() {
    let rows = [
        (Cause::Unallocated, 1),
        (Cause::Normal, 16),
        (Cause::UserBusy, 17),
        (Cause::NoAnswer, 19),
        (Cause::Rejected, 21),
        (Cause::NotSelected, 26),
        (Cause::OutOfOrder, 27),
        (Cause::NoCircuit, 34),
        (Cause::TemporaryFailure, 41),
        (Cause::Incompatible, 88),
        (Cause::Timer, 102),
    ];
    for (cause, value) in rows {
        assert_eq!(cause.value(), value, "{cause:?}");
    }
}
