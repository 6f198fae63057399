//! What calls do to a session: they move its expiry, and a caller becomes its second party.

use sqlx::Connection as _;

use super::{Connection, sessions};
use crate::base::Timestamp;
use crate::ledger::{Changed, Session, SessionId, StoreFault};
use crate::store::rows::Touch;

/// How often a change is made anew where another node came first.
const TRIES: u32 = 20;

/// Makes the change, where the session is still what it was made to. Done already, it changes nothing.
pub(super) async fn keep(
    connection: &mut Connection,
    id: SessionId,
    touch: &Touch,
) -> Result<(), StoreFault> {
    for _ in 0..TRIES {
        let Some(old) = sessions::by_id(connection, id).await? else { return Ok(()) };
        let Some(new) = touched(&old, touch) else { return Ok(()) };
        let mut whole = connection.begin().await?;
        // No moment frees another session's channel for it: the call was on this one's.
        match sessions::replace(&mut whole, &old, &new, Timestamp::default()).await? {
            Changed::Done => return Ok(whole.commit().await?),
            Changed::Stale => whole.rollback().await?,
            Changed::ChannelTaken(dialled, _) => {
                whole.rollback().await?;
                tracing::warn!(session = %id, %dialled, "a call's change to its session came too late: its number has another");
                return Ok(());
            }
        }
    }
    Err(StoreFault::Unavailable("a session is changed all the time".to_owned()))
}

/// The session with what is new, or `None` where nothing is. A call that went by a version in which the operator had not
/// yet set the expiry as it is does not move it.
fn touched(old: &Session, touch: &Touch) -> Option<Session> {
    if old.closed_at.is_some() {
        return None;
    }
    let mut new = old.clone();
    let later = touch.expires_at.range(old.expiry_version..).map(|(_, expires_at)| *expires_at).max();
    new.expires_at = old.expires_at.max(later.unwrap_or_default());
    new.second.number = old.second.number.or(touch.second);
    new.version += 1;
    (new.expires_at != old.expires_at || new.second.number != old.second.number).then_some(new)
}
