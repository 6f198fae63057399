//! `maskline sessions`.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::client::{Client, Trouble, to, with_query};
use super::table::{Column, fields, table, text};
use super::{Paging, without_nulls};

const PATH: &str = "/v1/sessions";

const COLUMNS: [Column; 8] = [
    ("ID", |row| text(&row["id"])),
    ("STATUS", |row| text(&row["status"])),
    ("FIRST", |row| text(&row["first_party"])),
    ("DIALS", |row| text(&row["first_party_number"])),
    ("SECOND", |row| text(&row["second_party"])),
    ("DIALS", |row| text(&row["second_party_number"])),
    ("EXPIRES", |row| text(&row["expires_at"])),
    ("REFERENCE", |row| text(&row["reference"])),
];

#[derive(Debug, Subcommand)]
pub(super) enum Sessions {
    /// List sessions, the youngest first.
    List(List),
    /// Show one session.
    Show {
        /// Its id.
        id: String,
    },
    /// Create a session.
    Create(Create),
    /// Change a session: what is not named stays. Calls that go on are not touched.
    Change {
        /// Its id.
        id: String,
        #[command(flatten)]
        change: Change,
    },
    /// Close a session: new calls are refused, those that go on may end by themselves.
    Close {
        /// Its id.
        id: String,
    },
    /// Let a session go on that was closed or has expired.
    Reopen {
        /// Its id.
        id: String,
        /// Seconds from now until it expires, 0: never; needed where its expiry has passed.
        #[arg(long, value_name = "SECONDS")]
        expiry: Option<u32>,
    },
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// One of the parties' real numbers.
    #[arg(long)]
    party: Option<String>,
    /// One of the masking numbers.
    #[arg(long)]
    number: Option<String>,
    /// not-started, active, expired or closed.
    #[arg(long)]
    status: Option<String>,
    /// The pool that their numbers were drawn from.
    #[arg(long)]
    pool: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The first party's real number.
    #[arg(long)]
    first: String,
    /// The second party's real number; left out while nobody knows it.
    #[arg(long)]
    second: Option<String>,
    /// Draws the masking numbers from this pool.
    #[arg(long)]
    pool: Option<String>,
    /// With --pool: one number for both parties.
    #[arg(long, requires = "pool")]
    shared: bool,
    /// One masking number for both parties.
    #[arg(long, conflicts_with = "pool")]
    number: Option<String>,
    /// The masking number that the first party dials and sees.
    #[arg(long, requires = "second_number", conflicts_with_all = ["pool", "number"])]
    first_number: Option<String>,
    /// The masking number that the second party dials and sees.
    #[arg(long, requires = "first_number", conflicts_with_all = ["pool", "number"])]
    second_number: Option<String>,
    /// Seconds until it expires; left out, never.
    #[arg(long, value_name = "SECONDS")]
    expiry: Option<u32>,
    /// Your own id, unique over all sessions.
    #[arg(long)]
    reference: Option<String>,
    /// Where its events are told.
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
    /// Calls the first party at once, and connects it with the second.
    #[arg(long, requires = "second")]
    call: bool,
}

impl Create {
    fn body(&self) -> Value {
        without_nulls(json!({
            "first_party": self.first,
            "second_party": self.second,
            "pool": self.pool,
            "shared_number": self.shared.then_some(true),
            "virtual_number": self.number,
            "first_party_number": self.first_number,
            "second_party_number": self.second_number,
            "session_expiry": self.expiry,
            "reference": self.reference,
            "callback_url": self.callback_url,
            "initiate_call_to_first_party": self.call.then_some(true),
        }))
    }
}

/// What is to change; something has to.
#[derive(Debug, Args)]
#[group(id = "changes", required = true, multiple = true)]
pub(super) struct Change {
    /// The first party's real number.
    #[arg(long)]
    first: Option<String>,
    /// The second party's real number.
    #[arg(long)]
    second: Option<String>,
    /// One masking number for both parties.
    #[arg(long)]
    number: Option<String>,
    /// The masking number that the first party dials and sees.
    #[arg(long, conflicts_with = "number")]
    first_number: Option<String>,
    /// The masking number that the second party dials and sees.
    #[arg(long, conflicts_with = "number")]
    second_number: Option<String>,
    /// Seconds from now until it expires; 0: never.
    #[arg(long, value_name = "SECONDS")]
    expiry: Option<u32>,
    /// Where its events are told.
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
}

impl Change {
    fn body(&self) -> Value {
        without_nulls(json!({
            "first_party": self.first,
            "second_party": self.second,
            "virtual_number": self.number,
            "first_party_number": self.first_number,
            "second_party_number": self.second_number,
            "session_expiry": self.expiry,
            "callback_url": self.callback_url,
        }))
    }
}

/// Does it, and gives back the answer and how people read it.
pub(super) fn run(client: &Client, command: &Sessions) -> Result<(Value, String), Trouble> {
    let answer = match command {
        Sessions::List(list) => {
            let List { party, number, status, pool, paging } = list;
            let mut pairs = vec![
                ("party", party.as_deref()),
                ("number", number.as_deref()),
                ("status", status.as_deref()),
                ("pool", pool.as_deref()),
            ];
            pairs.extend(paging.pairs());
            let answer = client.ask(Method::GET, &with_query(PATH, &pairs), None)?;
            let rows = answer["sessions"].as_array().map_or(&[][..], |rows| rows);
            let readable = table(rows, &COLUMNS) + &paging.more(&answer);
            return Ok((answer, readable));
        }
        Sessions::Show { id } => client.ask(Method::GET, &to(PATH, id), None)?,
        Sessions::Create(create) => client.ask(Method::POST, PATH, Some(&create.body()))?,
        Sessions::Change { id, change } => client.ask(Method::PATCH, &to(PATH, id), Some(&change.body()))?,
        Sessions::Reopen { id, expiry } => {
            let body = without_nulls(json!({ "reopen": true, "session_expiry": expiry }));
            client.ask(Method::PATCH, &to(PATH, id), Some(&body))?
        }
        Sessions::Close { id } => client.ask(Method::DELETE, &to(PATH, id), None)?,
    };
    let readable = fields(&answer);
    Ok((answer, readable))
}
