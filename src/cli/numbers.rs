//! `maskline numbers`, and `maskline explain`.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::client::{Client, Trouble, to, with_query};
use super::table::{Column, fields, table, text};
use super::{Paging, without_nulls};
use crate::base::link::link_host;

const PATH: &str = "/v1/numbers";

/// How a web service is asked.
const METHODS: [&str; 2] = ["POST", "GET"];

const COLUMNS: [Column; 7] = [
    ("NUMBER", |row| text(&row["number"])),
    ("COUNTRY", |row| text(&row["country"])),
    ("POOL", |row| text(&row["pool"])),
    ("TRUNK", |row| text(&row["trunk"])),
    ("STATE", |row| text(&row["state"])),
    ("ASKS", |row| row["answer_url"].as_str().map_or("-".into(), |url| link_host(url).into())),
    ("ADDED", |row| text(&row["added_at"])),
];

#[derive(Debug, Subcommand)]
pub(super) enum Numbers {
    /// List the masking numbers.
    List {
        /// Those of this pool.
        #[arg(long)]
        pool: Option<String>,
        /// Those in this state: active, draining or retired.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Add a masking number to the inventory.
    Add {
        /// The number, with + and its country code.
        number: String,
        /// The pool that sessions draw it from.
        #[arg(long)]
        pool: Option<String>,
        /// The trunk that it is rented on.
        #[arg(long)]
        trunk: Option<String>,
        /// The web service that decides its calls.
        #[arg(long, value_name = "URL")]
        answer_url: Option<String>,
        /// How that is asked; left out, by POST.
        #[arg(long, value_name = "METHOD", value_parser = METHODS, requires = "answer_url")]
        answer_method: Option<String>,
    },
    /// Let no new session draw a number; those that have it keep it.
    Drain {
        /// The number.
        number: String,
    },
    /// Let new sessions draw a number again that was drained or retired.
    Activate {
        /// The number.
        number: String,
    },
    /// Change the pool, the trunk or the answer URL of a number.
    Change {
        /// The number.
        number: String,
        #[command(flatten)]
        change: Change,
    },
    /// Remove a number from the inventory; one in use is drained.
    Remove {
        /// The number.
        number: String,
    },
}

/// What is to change; something has to.
#[derive(Debug, Args)]
#[group(id = "changes", required = true, multiple = true)]
pub(super) struct Change {
    /// The pool that sessions draw it from.
    #[arg(long)]
    pool: Option<String>,
    /// Takes it out of its pool.
    #[arg(long, conflicts_with = "pool")]
    no_pool: bool,
    /// The trunk that it is rented on.
    #[arg(long)]
    trunk: Option<String>,
    /// It is rented on no trunk.
    #[arg(long, conflicts_with = "trunk")]
    no_trunk: bool,
    /// The web service that decides its calls.
    #[arg(long, value_name = "URL")]
    answer_url: Option<String>,
    /// No web service decides its calls.
    #[arg(long, conflicts_with_all = ["answer_url", "answer_method"])]
    no_answer_url: bool,
    /// How its web service is asked.
    #[arg(long, value_name = "METHOD", value_parser = METHODS)]
    answer_method: Option<String>,
}

impl Change {
    /// Null takes a value out.
    fn body(&self) -> Value {
        let fields = [
            ("pool", &self.pool, self.no_pool),
            ("trunk", &self.trunk, self.no_trunk),
            ("answer_url", &self.answer_url, self.no_answer_url),
            ("answer_method", &self.answer_method, false),
        ];
        let named = fields.into_iter().filter(|(_, value, is_none)| value.is_some() || *is_none);
        named.map(|(name, value, _)| (name, json!(value))).collect()
    }
}

/// Does it, and gives back the answer and how people read it.
pub(super) fn run(client: &Client, command: &Numbers) -> Result<(Value, String), Trouble> {
    let answer = match command {
        Numbers::List { pool, state, paging } => {
            let [limit, cursor] = paging.pairs();
            let pairs = [("pool", pool.as_deref()), ("state", state.as_deref()), limit, cursor];
            let answer = client.ask(Method::GET, &with_query(PATH, &pairs), None)?;
            let rows = table(answer["numbers"].as_array().map_or(&[][..], |rows| rows), &COLUMNS);
            let readable = rows + &paging.more(&answer);
            return Ok((answer, readable));
        }
        Numbers::Add { number, pool, trunk, answer_url, answer_method } => {
            let body = json!({
                "number": number, "pool": pool, "trunk": trunk,
                "answer_url": answer_url, "answer_method": answer_method,
            });
            client.ask(Method::POST, PATH, Some(&without_nulls(body)))?
        }
        Numbers::Drain { number } => {
            client.ask(Method::PATCH, &to(PATH, number), Some(&json!({ "state": "draining" })))?
        }
        Numbers::Activate { number } => {
            client.ask(Method::PATCH, &to(PATH, number), Some(&json!({ "state": "active" })))?
        }
        Numbers::Change { number, change } => {
            client.ask(Method::PATCH, &to(PATH, number), Some(&change.body()))?
        }
        Numbers::Remove { number } => client.ask(Method::DELETE, &to(PATH, number), None)?,
    };
    let readable = match &answer {
        Value::Null => "removed\n".to_owned(),
        answer => fields(answer),
    };
    Ok((answer, readable))
}

/// A call that nobody places.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Who calls: a real number, or anonymous.
    #[arg(long)]
    from: String,
    /// What is dialled.
    #[arg(long)]
    to: String,
    /// When, as in 2026-11-22T08:15:30Z; left out, now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Asks what would become of a call.
pub(super) fn explain(client: &Client, asked: &Explain) -> Result<(Value, String), Trouble> {
    let body = without_nulls(json!({ "from": asked.from, "to": asked.to, "at": asked.at }));
    let answer = client.ask(Method::POST, "/v1/explain", Some(&body))?;
    let steps = answer["trace"].as_array().into_iter().flatten();
    let mut readable: String = steps.map(|step| format!("- {}\n", text(step))).collect();
    let way = match answer["by"].as_array() {
        Some(by) if !by.is_empty() => by.iter().map(text).collect::<Vec<_>>().join(", then "),
        _ => String::new(),
    };
    readable += &match (answer["reason"].as_str(), &answer["decision"]) {
        (Some(reason), _) => format!("refused: {reason}\n"),
        (None, decision) if decision == "ask" => "asks the web service, which decides\n".to_owned(),
        (None, _) => {
            let (destination, shown) = (text(&answer["destination"]), text(&answer["shown"]));
            format!("calls {destination} by {way}, where {shown} is seen\n")
        }
    };
    Ok((answer, readable))
}
