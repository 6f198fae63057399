//! Who is there: the settings that most tests run with, and the parties' addresses and numbers.

use std::net::SocketAddr;

/// The switch.
pub const SWITCH: &str = "127.0.0.1:5060";
/// The trunk that the first party is behind.
pub const ALPHA: &str = "127.0.0.2:5060";
/// The trunk that the second party is behind.
pub const BETA: &str = "127.0.0.3:5060";
/// Where the phone `agent` is, once it has registered.
pub const AGENT: &str = "127.0.0.11:5062";
/// Where the phone `customer` is, once it has registered.
pub const CUSTOMER: &str = "127.0.0.12:5062";
/// Nobody's address.
pub const STRANGER: &str = "127.0.0.66:5060";

/// The first party's real number: reached by the trunk alpha.
pub const ALICE: &str = "+919811152637";
/// The second party's real number: reached by the trunk beta.
pub const BOB: &str = "+919722293847";
/// The masking number that the first party dials.
pub const M1: &str = "+918045550101";
/// The masking number that the second party dials.
pub const M2: &str = "+918045550102";
/// One-way to the second party, for anyone.
pub const OPEN: &str = "+918045550103";
/// Owned, and mapped to nothing.
pub const IDLE: &str = "+918045550104";
/// Leads to the phone `customer`, for anyone.
pub const TO_CUSTOMER: &str = "+918045550105";
/// Not ours.
pub const FOREIGN: &str = "+918045559999";
/// The number of the phone `agent`.
pub const AGENT_NUMBER: &str = "+919876500001";
/// The number of the phone `customer`.
pub const CUSTOMER_NUMBER: &str = "+919876500002";

/// The settings of [`World::new`].
pub const SETTINGS: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]
[media]
ports = "20000-29999"
[api]
listen = "127.0.0.1:8080"
[store]
url = "sqlite:maskline.db"
[numbers]
country = "IN"
owned = ["+918045550101", "+918045550102", "+918045550103", "+918045550104", "+918045550105"]
[[trunks]]
name = "alpha"
sources = ["127.0.0.2/32"]
target = "sip:127.0.0.2:5060"
prefixes = ["+9198"]
# alpha
[[trunks]]
name = "beta"
sources = ["127.0.0.3/32", "127.0.0.4/32"]
target = "sip:127.0.0.3:5060"
prefixes = ["+9197"]
# beta
[[phones]]
username = "agent"
password = "agent-demo-password"
number = "+919876500001"
[[phones]]
username = "customer"
password = "customer-demo-password"
number = "+919876500002"
[[mappings]]
dialled = "+918045550101"
caller = "+919811152637"
destination = "+919722293847"
show = "+918045550102"
[[mappings]]
dialled = "+918045550102"
caller = "+919722293847"
destination = "+919811152637"
show = "+918045550101"
[[mappings]]
dialled = "+918045550103"
destination = "+919722293847"
show = "+918045550102"
[[mappings]]
dialled = "+918045550105"
destination = "+919876500002"
show = "+918045550102"
"#;

/// The settings with one more key in a trunk.
pub fn with_trunk_key(trunk: &str, line: &str) -> String {
    let place = format!("# {trunk}\n");
    assert!(SETTINGS.contains(&place), "no trunk {trunk}");
    SETTINGS.replace(&place, &format!("{line}\n{place}"))
}

/// The settings with one more table or key in front.
pub fn with_table(text: &str) -> String {
    format!("{text}\n{SETTINGS}")
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
