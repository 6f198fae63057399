//! `maskline calls`.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::client::{Client, Trouble, to, with_query};
use super::table::{Column, duration, fields, table, text, time};
use super::{Paging, without_nulls};

const PATH: &str = "/v1/calls";

const COLUMNS: [Column; 9] = [
    ("ID", |row| text(&row["id"])),
    ("RECEIVED", |row| time(&row["received_at"])),
    ("FROM", |row| text(&row["source"])),
    ("CALLER", |row| text(&row["caller"])),
    ("DIALLED", |row| text(&row["dialled"])),
    ("DESTINATION", |row| text(&row["destination"])),
    ("SHOWN", |row| text(&row["shown"])),
    ("RESULT", |row| text(&row["outcome"])),
    ("TALKED", |row| duration(&row["billable_ms"])),
];

const LEGS: [Column; 8] = [
    ("LEG", |leg| text(&leg["peer"])),
    ("STARTED", |leg| time(&leg["started_at"])),
    ("RESULT", |leg| text(&leg["result"])),
    ("STATUS", |leg| text(&leg["status"])),
    ("CAUSE", |leg| text(&leg["cause"])),
    ("TALKED", |leg| duration(&leg["billable_ms"])),
    ("HUNG UP", |leg| text(&leg["hung_up"])),
    ("LOST", |leg| text(&leg["media"]["packets_lost"])),
];

#[derive(Debug, Subcommand)]
pub(super) enum Calls {
    /// List calls, those that go on and those that are over, the youngest first.
    List(List),
    /// Show one call: its record, its legs, and how it was decided.
    Show {
        /// Its id.
        id: String,
    },
    /// Hang up a call.
    HangUp {
        /// Its id.
        id: String,
    },
    /// Place a call: the first party is called, then the second.
    Place(Place),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The caller's or the destination's real number.
    #[arg(long)]
    party: Option<String>,
    /// The masking number dialled or shown.
    #[arg(long)]
    number: Option<String>,
    /// The session's id.
    #[arg(long)]
    session: Option<String>,
    /// Received at this time or later, as in 2026-11-22T08:15:30Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Received before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// in-progress, answered, busy, no-answer, ...
    #[arg(long)]
    result: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// Who is called first: a real number; with --session, first_party or second_party.
    #[arg(long)]
    first: String,
    /// Who is called second.
    #[arg(long, required_unless_present = "session", conflicts_with = "session")]
    second: Option<String>,
    /// The masking number that both see.
    #[arg(long, required_unless_present = "session", conflicts_with = "session")]
    show: Option<String>,
    /// Calls the parties of this session.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Connects the first party without asking it to press a key.
    #[arg(long)]
    no_confirm: bool,
    /// Seconds for which a party that calls back reaches the other; 0: none. Left out, a day.
    #[arg(long, value_name = "SECONDS", conflicts_with = "session")]
    return_window: Option<u32>,
}

impl Place {
    fn body(&self) -> Value {
        without_nulls(json!({
            "first": self.first,
            "second": self.second,
            "show": self.show,
            "session_id": self.session,
            "confirm": self.no_confirm.then_some(false),
            "return_window": self.return_window,
        }))
    }
}

/// Does it, and gives back the answer and how people read it.
pub(super) fn run(client: &Client, command: &Calls) -> Result<(Value, String), Trouble> {
    let answer = match command {
        Calls::List(list) => return listed(client, list),
        Calls::Show { id } => client.ask(Method::GET, &to(PATH, id), None)?,
        Calls::HangUp { id } => client.ask(Method::DELETE, &to(PATH, id), None)?,
        Calls::Place(place) => client.ask(Method::POST, PATH, Some(&place.body()))?,
    };
    let readable = readable(&answer);
    Ok((answer, readable))
}

fn listed(client: &Client, list: &List) -> Result<(Value, String), Trouble> {
    let List { party, number, session, since, until, result, paging } = list;
    let mut pairs = vec![
        ("party", party.as_deref()),
        ("number", number.as_deref()),
        ("session", session.as_deref()),
        ("since", since.as_deref()),
        ("until", until.as_deref()),
        ("result", result.as_deref()),
    ];
    pairs.extend(paging.pairs());
    let answer = client.ask(Method::GET, &with_query(PATH, &pairs), None)?;
    let rows = answer["calls"].as_array().map_or(&[][..], |rows| rows);
    let readable = table(rows, &COLUMNS) + &paging.more(&answer);
    Ok((answer, readable))
}

/// A record: its fields, then its legs as a table, then the steps of its decision.
fn readable(record: &Value) -> String {
    let mut rest = record.clone();
    let Some(object) = rest.as_object_mut() else { return String::new() };
    let legs = object.remove("legs");
    let trace = object.remove("trace");
    let mut readable = fields(&rest);
    if let Some(Value::Array(legs)) = &legs
        && !legs.is_empty()
    {
        readable = readable + "\n" + &table(legs, &LEGS);
    }
    if let Some(Value::Array(steps)) = &trace {
        readable.push('\n');
        readable.extend(steps.iter().map(|step| format!("- {}\n", text(step))));
    }
    readable
}
