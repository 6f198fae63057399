//! What the databases' errors mean to the rest.

use crate::ledger::StoreFault;

impl From<sqlx::Error> for StoreFault {
    fn from(error: sqlx::Error) -> Self {
        let is_about_content = match &error {
            sqlx::Error::Database(error) => {
                error.is_unique_violation() || error.is_check_violation() || error.is_foreign_key_violation()
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => true,
            sqlx::Error::ColumnIndexOutOfBounds { .. } | sqlx::Error::TypeNotFound { .. } => true,
            _ => false,
        };
        // The message of a violated constraint is the database's own, without the values.
        let message = error.to_string();
        if is_about_content { StoreFault::Unreadable(message) } else { StoreFault::Unavailable(message) }
    }
}
