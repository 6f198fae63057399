//! The inventory. A number that was taken out leaves its row, as `gone`, so that other nodes learn of it.

use sqlx::Row;
use tokio::sync::mpsc::Sender;

use super::Connection;
use crate::base::PhoneNumber;
use crate::ledger::{Loaded, Number, StoreFault};
use crate::store::rows::{digits, json, read};

pub(super) async fn all(connection: &mut Connection) -> Result<Vec<Number>, StoreFault> {
    let rows = sqlx::query("SELECT body FROM numbers WHERE gone = 0 ORDER BY number");
    rows.fetch_all(connection).await?.iter().map(|row| read(row.try_get(0)?)).collect()
}

pub(super) async fn load(
    connection: &mut Connection,
    sender: &Sender<Vec<Loaded>>,
) -> Result<(), StoreFault> {
    let numbers = all(connection).await?;
    let chunk = numbers.into_iter().map(|number| Loaded::Number(Box::new(number))).collect();
    // Who has gone away needs no more.
    let _ = sender.send(chunk).await;
    Ok(())
}

/// True where it is new.
pub(super) async fn put(connection: &mut Connection, number: Number) -> Result<bool, StoreFault> {
    let body = json(&number);
    let changed = sqlx::query("UPDATE numbers SET body = $2 WHERE number = $1 AND gone = 0")
        .bind(digits(number.number))
        .bind(body.clone());
    if changed.execute(&mut *connection).await?.rows_affected() == 1 {
        return Ok(false);
    }
    let added = sqlx::query(
        "INSERT INTO numbers (number, gone, body) VALUES ($1, 0, $2) \
         ON CONFLICT (number) DO UPDATE SET gone = 0, body = excluded.body",
    );
    added.bind(digits(number.number)).bind(body).execute(connection).await?;
    Ok(true)
}

/// False where there was none.
pub(super) async fn remove(connection: &mut Connection, number: PhoneNumber) -> Result<bool, StoreFault> {
    let removed = sqlx::query("UPDATE numbers SET gone = 1 WHERE number = $1 AND gone = 0");
    Ok(removed.bind(digits(number)).execute(connection).await?.rows_affected() == 1)
}
