//! How long the API takes to answer, as a marketplace's backend asks it: mostly new sessions and looks at them.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::latency::Times;
use crate::support::instance::Instance;

/// Masking numbers of the pool.
const POOL: u64 = 20;
/// How long an answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was measured.
pub(crate) struct Answered {
    /// From the moment at which a request was due until its answer had come.
    pub(crate) times: Times,
    /// Requests that were not answered as they should be.
    pub(crate) failed: u32,
}

/// Asks so many times a second, whether answers come or not.
pub(crate) fn measure(instance: &Instance, a_second: u32, requests: u32) -> Answered {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let backend = Arc::new(Backend::of(instance));
    runtime.block_on(async {
        for place in 0..POOL {
            let number = format!("+9180770{place:05}");
            let added = backend.ask(Method::POST, "/v1/numbers", json!({ "number": number, "pool": "p" }));
            added.await.expect("the inventory takes numbers");
        }
        let start = Instant::now();
        let mut asked = JoinSet::new();
        for request in 0..requests {
            let due = start + Duration::from_secs(1) * request / a_second;
            sleep_until(due.into()).await;
            let backend = Arc::clone(&backend);
            asked.spawn(async move { backend.once(request).await.map(|()| due.elapsed()) });
        }
        let answered = asked.join_all().await;
        let times: Vec<Duration> = answered.into_iter().flatten().collect();
        let failed = requests - u32::try_from(times.len()).expect("no more than were asked");
        Answered { times: Times(times), failed }
    })
}

/// The operator's web service.
struct Backend {
    client: Client<HttpConnector, Full<Bytes>>,
    authority: String,
    token: String,
}

impl Backend {
    fn of(instance: &Instance) -> Self {
        let token =
            fs::read_to_string(instance.folder().join("api-token")).expect("one is made at the start");
        let authority = format!("{}:{}", instance.subnet.host(1), instance.subnet.api);
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, authority, token: token.trim().to_owned() }
    }

    /// Of ten requests five create a session, two list sessions and two calls, and one asks what would become of a call.
    async fn once(&self, request: u32) -> Option<()> {
        match request % 10 {
            0..5 => drop(self.create(request).await?),
            5 | 6 => drop(self.ask(Method::GET, "/v1/sessions?limit=20&status=active", Value::Null).await?),
            7 | 8 => drop(self.ask(Method::GET, "/v1/calls?limit=20", Value::Null).await?),
            _ => {
                let question = json!({ "from": "+919876500001", "to": "+918045550101" });
                drop(self.ask(Method::POST, "/v1/explain", question).await?);
            }
        }
        Some(())
    }

    async fn create(&self, request: u32) -> Option<Value> {
        let party = |side: u32| format!("+9170{:08}", request * 2 + side);
        let session = json!({
            "first_party": party(0), "second_party": party(1), "pool": "p", "session_expiry": 3600,
            "reference": format!("ride {request}"),
        });
        self.ask(Method::POST, "/v1/sessions", session).await
    }

    /// The answer to a request, where it is a good one and comes in time.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Option<Value> {
        let uri = Uri::builder().scheme("http").authority(&*self.authority).path_and_query(path);
        let request = Request::builder()
            .method(method)
            .uri(uri.build().expect("a path of the API"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let body = if body.is_null() { Full::default() } else { Full::from(body.to_string()) };
        let answer = async {
            let answer = self.client.request(request.body(body).expect("a sound request")).await.ok()?;
            let is_well = answer.status().is_success();
            let body = answer.into_body().collect().await.ok()?.to_bytes();
            is_well.then(|| serde_json::from_slice(&body).ok())?
        };
        timeout(PATIENCE, answer).await.ok()?
    }
}
