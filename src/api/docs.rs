//! The description of the API (OpenAPI 3.1), made from the code that serves it, and the page to read and try it.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, OpenApi, RefOr, ResponseBuilder, response};
use utoipa::{IntoResponses, Modify, PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::Problem;
use super::router::described;

/// The general part of the description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    info(
        title = "Maskline",
        description = "Sessions, calls and numbers of a number-masking switch.\n\nNumbers are E.164 with their `+`. \
            Durations are whole seconds unless a field's name ends in `_ms`; moments are RFC 3339 in UTC, those of call \
            records milliseconds since the Unix epoch. Unknown fields are refused. A field that this version does not \
            serve is refused too, and never ignored.\n\nErrors are problem documents (RFC 9457): `errors` names each \
            field that is wrong, with the remedy.\n\nA token has scopes: `read`, `read-numbers` (numbers are shown whole; \
            else as `+9198******02`), `write` (sessions and calls), `admin` (the inventory, erasure). None includes \
            another.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "sessions", description = "Pairs of parties that reach each other by masking numbers, for a time."),
        (name = "calls", description = "Calls that go on and records of those that are over; click-to-call."),
        (name = "numbers", description = "The masking numbers and their pools."),
        (name = "events", description = "What happens, as it happens."),
        (name = "explain", description = "What would become of a call."),
        (name = "redactions", description = "Erasing a party."),
        (name = "service", description = "Whether the service runs, and what it counts.")
    ),
    components(schemas(Problem)),
    modifiers(&Schemes)
)]
pub(super) struct General;

/// How a token is sent.
#[derive(Debug)]
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = |scheme, description: &str| {
            SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(description)).build())
        };
        let components = api.components.get_or_insert_default();
        let bearer = scheme(HttpAuthScheme::Bearer, "A token of `[api] tokens`, or the one in `api-token`.");
        components.add_security_scheme("bearer", bearer);
        components
            .add_security_scheme("basic", scheme(HttpAuthScheme::Basic, "The token as password; any user."));
    }
}

/// The refusals that any operation may answer with.
#[derive(Debug)]
pub(super) struct Refusals;

/// Their statuses, and what they mean here.
const REFUSALS: [(&str, &str); 14] = [
    ("400", "The request cannot be read: not JSON, or a header that is none."),
    ("401", "There is no token, or it is none of this service."),
    ("403", "The token lacks the scope that `detail` names."),
    ("404", "There is nothing with this id."),
    ("405", "The path has no such method; Allow names those that it has."),
    ("406", "What Accept asks for is not what is here."),
    ("408", "The body did not come in within 10 s."),
    ("413", "The body is longer than 65536 bytes."),
    ("415", "The body is not sent as application/json."),
    ("422", "A field or a parameter is unknown, missing or wrong: `errors` names it and the remedy."),
    ("429", "Too many event streams are open: close one."),
    ("500", "A fault in the program."),
    ("501", "It is not served in this version."),
    (
        "503",
        "The database does not answer, or too much is asked at a time: try again after Retry-After seconds.",
    ),
];

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        let problem = || RefOr::Ref(utoipa::openapi::Ref::from_schema_name(Problem::name()));
        let response = |status: &str, meaning: &str| {
            let content = ContentBuilder::new().schema(Some(problem())).build();
            let response =
                ResponseBuilder::new().description(meaning).content("application/problem+json", content);
            let header = |response: ResponseBuilder, name: &str, meaning: &str| {
                let header =
                    HeaderBuilder::new().schema(Some(String::schema())).description(Some(meaning)).build();
                response.header(name, header)
            };
            match status {
                "401" => header(response, "WWW-Authenticate", "Bearer and Basic."),
                "405" => header(response, "Allow", "The methods that the path has."),
                "503" => header(response, "Retry-After", "Seconds."),
                _ => response,
            }
        };
        REFUSALS.map(|(status, meaning)| (status.to_owned(), response(status, meaning).build().into())).into()
    }
}

/// The description of everything that is served.
#[must_use]
pub fn document() -> OpenApi {
    described().into_openapi()
}

/// `/openapi.json` and the page at `/docs`, which comes whole from this binary and may load nothing from elsewhere.
pub(super) fn pages<S: Clone + Send + Sync + 'static>(document: OpenApi) -> Router<S> {
    let config = Config::default().validator_url("none").doc_expansion("none").persist_authorization(false);
    let pages = SwaggerUi::new("/docs").url("/openapi.json", document).config(config);
    Router::from(pages).layer(from_fn(confine))
}

/// Tells the browser that nothing but this service is to be loaded or asked.
async fn confine(request: axum::extract::Request, next: Next) -> Response {
    const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                          frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
