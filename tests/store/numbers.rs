//! The inventory, in a database of now and in one of before.

use maskline::base::link::Method;
use maskline::base::settings::AnswerUrl;
use maskline::ledger::{Number, NumberState};

use crate::database::Database;
use crate::make::{mask, number};

/// A number whose calls a web service decides.
pub(crate) fn asking(digits: u64) -> Number {
    let answer = AnswerUrl { url: "http://app.example/answer?key=secret".into(), method: Method::Get };
    Number { answer: Some(answer), ..number(digits, "delivery") }
}

pub(crate) async fn the_inventory_has_each_number_once(database: Database) {
    let store = database.open().await;
    assert!(!store.remove_number(mask(1)).await.unwrap());
    assert!(store.put_number(&number(2, "delivery")).await.unwrap());
    assert!(store.put_number(&number(1, "delivery")).await.unwrap());
    let mut draining = number(2, "taxi");
    draining.state = NumberState::Draining;
    assert!(!store.put_number(&draining).await.unwrap());
    assert_eq!(store.numbers().await.unwrap(), [number(1, "delivery"), draining.clone()]);
    assert!(store.remove_number(mask(1)).await.unwrap());
    assert!(!store.remove_number(mask(1)).await.unwrap());
    assert_eq!(store.numbers().await.unwrap(), [draining]);
    assert!(store.put_number(&number(1, "taxi")).await.unwrap(), "it may come back");
    assert_eq!(store.numbers().await.unwrap().len(), 2);
}

pub(crate) async fn a_number_keeps_its_web_service_and_tells_no_log_of_its_path(database: Database) {
    let store = database.open().await;
    store.put_number(&asking(1)).await.unwrap();
    assert_eq!(database.open().await.numbers().await.unwrap(), [asking(1)]);
    let printed = format!("{:?}", asking(1));
    assert!(printed.contains("app.example") && !printed.contains("secret"), "{printed}");
    store.put_number(&number(1, "delivery")).await.unwrap();
    assert_eq!(database.open().await.numbers().await.unwrap(), [number(1, "delivery")]);
}

pub(crate) async fn a_database_of_numbers_without_web_services_is_brought_to_this_version(
    database: Database,
) {
    database.make_version(3).await;
    let body = r#"{"number":"918045550001","country":"IN","pool":"delivery","trunk":null,"state":"active","added_at":"@"}"#
        .replace("918045550001", &mask(1).reveal())
        .replace('@', &number(1, "delivery").added_at.to_string());
    let row = format!("({}, 0, '{body}')", mask(1).as_u64());
    database.run(&format!("INSERT INTO numbers (number, gone, body) VALUES {row}")).await;
    let store = database.open().await;
    assert_eq!(store.numbers().await.unwrap(), [number(1, "delivery")], "what it has stays");
    assert!(!store.put_number(&asking(1)).await.unwrap());
    assert_eq!(database.open().await.numbers().await.unwrap(), [asking(1)]);
    // Who knows only what was before would lose that, and is kept out.
    let version = if database.is_postgres() {
        "maskline_schema WHERE version > 3"
    } else {
        "pragma_user_version WHERE user_version > 3"
    };
    assert_eq!(database.count(version).await, 1);
}
