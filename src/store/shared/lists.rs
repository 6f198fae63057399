//! Lists with filters, the youngest first, a page at a time.

use serde::de::DeserializeOwned;
use sqlx::{QueryBuilder, Row};

use super::{Connection, Db};
use crate::ledger::{
    CallFilter, CallRecord, Page, Session, SessionFilter, SessionId, SessionStatus, StoreFault,
};
use crate::store::rows::{bytes, digits, millis, outcome, read};

type Builder = QueryBuilder<Db>;

pub(super) async fn sessions(
    connection: &mut Connection,
    filter: SessionFilter,
    page: Page,
) -> Result<Vec<Session>, StoreFault> {
    let mut query = Builder::new("SELECT body FROM sessions WHERE true");
    if let Some(party) = filter.party {
        either(&mut query, ["first", "second"], digits(party));
    }
    if let Some(number) = filter.number {
        either(&mut query, ["first_dials", "second_dials"], digits(number));
    }
    if let Some(pool) = filter.pool {
        query.push(" AND pool = ").push_bind(pool.into_string());
    }
    if let Some((status, at)) = filter.status {
        let at = millis(at);
        match status {
            SessionStatus::Closed => query.push(" AND closed_at IS NOT NULL"),
            SessionStatus::Expired => query.push(" AND closed_at IS NULL AND expires_at <= ").push_bind(at),
            SessionStatus::NotStarted => {
                query.push(" AND closed_at IS NULL AND expires_at > ").push_bind(at);
                query.push(" AND starts_at > ").push_bind(at)
            }
            SessionStatus::Active => {
                query.push(" AND closed_at IS NULL AND expires_at > ").push_bind(at);
                query.push(" AND starts_at <= ").push_bind(at)
            }
        };
    }
    let after = page
        .after
        .map(|(time, id)| (millis(time), id.parse::<SessionId>().map_or_else(|_| Vec::new(), bytes)));
    if let Some((time, id)) = after {
        query.push(" AND (created_at, id) < (").push_bind(time).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(page.limit));
    bodies(connection, query).await
}

pub(super) async fn calls(
    connection: &mut Connection,
    filter: CallFilter,
    page: Page,
) -> Result<Vec<CallRecord>, StoreFault> {
    let mut query = Builder::new("SELECT body FROM calls WHERE true");
    if let Some(party) = filter.party {
        either(&mut query, ["caller", "destination"], digits(party));
    }
    if let Some(number) = filter.number {
        either(&mut query, ["dialled", "shown"], digits(number));
    }
    if let Some(session) = filter.session {
        query.push(" AND session = ").push_bind(bytes(session));
    }
    if let Some(received) = filter.received {
        query.push(" AND received_at >= ").push_bind(millis(received.start));
        query.push(" AND received_at < ").push_bind(millis(received.end));
    }
    if let Some(wanted) = filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome(wanted));
    }
    if let Some((time, id)) = page.after {
        query.push(" AND (received_at, id) < (").push_bind(millis(time)).push(", ");
        query.push_bind(id.into_string()).push(")");
    }
    query.push(" ORDER BY received_at DESC, id DESC LIMIT ").push_bind(i64::from(page.limit));
    bodies(connection, query).await
}

fn either(query: &mut Builder, columns: [&str; 2], number: i64) {
    query.push(" AND (").push(columns[0]).push(" = ").push_bind(number);
    query.push(" OR ").push(columns[1]).push(" = ").push_bind(number).push(")");
}

async fn bodies<T: DeserializeOwned>(
    connection: &mut Connection,
    mut query: Builder,
) -> Result<Vec<T>, StoreFault> {
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| read(row.try_get(0)?)).collect()
}
