//! Who is calling.

use super::{Claims, Identity, Index};
use crate::base::settings::IdentityIn;

/// Who is calling, from what a trunk's request says: a function of the trunk's `identity_in` and of nothing else.
///
/// The one header that the trunk is trusted for names the caller, or nobody does: a header that is missing, holds
/// no number, or holds two different ones makes the caller anonymous, and no other header is asked instead. A
/// caller's wish for privacy (RFC 3323) takes no part: it governs what is shown, and nothing of a caller ever is.
#[must_use]
pub fn identity(index: &Index, trunk: usize, claims: &Claims<'_>) -> Identity {
    let trunk = index.trunk(trunk);
    let trusted = match trunk.identity_in {
        IdentityIn::Pai => claims.asserted,
        IdentityIn::PaiElseFrom if !claims.asserted.is_empty() => claims.asserted,
        IdentityIn::Rpid => claims.remote_party,
        IdentityIn::PaiElseFrom | IdentityIn::From => std::slice::from_ref(&claims.from),
    };
    let mut numbers = trusted
        .iter()
        .filter_map(|written| index.numbering().read(written.user, written.context, trunk.format_in).ok());
    match numbers.next() {
        Some(first) if numbers.all(|number| number == first) => Identity::Known(first),
        _ => Identity::Anonymous,
    }
}
