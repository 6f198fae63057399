//! The single tables of the settings file: every key, its default, and how it is read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::addresses::{address, listen, ports, socket_address};
use super::prompt;
use super::rows::{mapping, phone, trunk};
use super::speech::speech;
use super::table::{File, Flaw, Read, Table, Value};
use super::tls::tls;
use super::tokens::api_token;
use super::values::{self, CODECS, boolean, duration, list, number, secret, some, text, whole, word};
use super::{
    Api, Call, DigestHash, Listen, Log, LogFormat, LogLevel, Mapping, Media, Numbers, Phone, Records,
    Settings, Sip, Store, StoreUrl, Trunk, Webhooks,
};
use crate::base::{Secret, Transport};

/// A file that is read and not yet checked: the rows that could be read, each with its number in the file.
pub(super) struct Draft {
    settings: Settings,
    pub(super) trunks: Vec<(usize, Trunk)>,
    pub(super) phones: Vec<(usize, Phone)>,
    pub(super) mappings: Vec<(usize, Mapping)>,
}

impl Draft {
    /// Reads every table. `folder` is where relative paths start.
    pub(super) fn read(file: &mut File<'_, '_>, folder: &Path) -> Self {
        let settings = Settings {
            sip: file.table("sip", sip),
            media: file.table("media", media),
            api: file.table("api", |table| api(table, folder)),
            store: file.table("store", |table| store(table, folder)),
            numbers: file.table("numbers", numbers),
            call: file.table("call", |table| call(table, folder)),
            records: file.table("records", |table| records(table, folder)),
            log: file.table("log", log),
            speech: file.table("speech", |table| speech(table, folder)),
            webhooks: file.table("webhooks", webhooks),
            trunks: Vec::new(),
            phones: Vec::new(),
            mappings: Vec::new(),
        };
        Self {
            settings,
            trunks: file.rows("trunks", trunk),
            phones: file.rows("phones", phone),
            mappings: file.rows("mappings", mapping),
        }
    }

    /// The single tables.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The whole, once nothing is wrong with it.
    pub(super) fn into_settings(self) -> Settings {
        fn rows<T>(rows: Vec<(usize, T)>) -> Vec<T> {
            rows.into_iter().map(|(_, row)| row).collect()
        }
        Settings {
            trunks: rows(self.trunks),
            phones: rows(self.phones),
            mappings: rows(self.mappings),
            ..self.settings
        }
    }
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// From one second to a week.
const LONG: RangeInclusive<Duration> = s(1)..=s(7 * 86_400);

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

const DIGESTS: [(&str, DigestHash); 2] = [("sha-256", DigestHash::Sha256), ("md5", DigestHash::Md5)];

fn sip(table: &mut Table<'_, '_>) -> Sip {
    table.later("tls", "take it out, and listen on udp or tcp");
    table.take("options_interval", off);
    let both =
        [Transport::Udp, Transport::Tcp].map(|transport| Listen { transport, address: loopback(5060) });
    let sip = Sip {
        listen: table.or("listen", both.to_vec(), some(false, listen)),
        advertise: table.take("advertise", address),
        t1: table.or("t1", ms(500), duration(ms(10)..=s(10))),
        t2: table.or("t2", s(4), duration(ms(10)..=s(60))),
        t4: table.or("t4", s(5), duration(ms(10)..=s(60))),
        digest: table.or("digest", vec![DigestHash::Md5], some(true, word(&DIGESTS))),
    };
    if sip.t2 < sip.t1 {
        table.fault(
            "t2",
            "is shorter than t1: write the longest interval between retransmissions, as in \"4s\"",
        );
    }
    sip
}

/// What is always off in this version.
fn off(value: &Value<'_>) -> Read<()> {
    if value.get_ref().as_str() == Some("off") {
        return Ok(());
    }
    let message = "not in this version: write \"off\", or take it out".to_owned();
    Err(vec![Flaw { offset: value.span().start, message }])
}

fn media(table: &mut Table<'_, '_>) -> Media {
    let codecs = CODECS.map(|codec| codec.1).to_vec();
    let media = Media {
        ports: table.or("ports", 20000..=29999, ports),
        port_rest: table.or("port_rest", s(2), duration(ms(0)..=s(3600))),
        advertise: table.take("advertise", address),
        codecs: table.or("codecs", codecs, some(false, word(&CODECS))),
        threads: table.take("threads", whole(1..=256)).map(|threads| threads as usize),
    };
    for (place, codec) in media.codecs.iter().enumerate() {
        if media.codecs[..place].contains(codec) {
            table.fault("codecs", "names a codec twice: write each once, best first");
            break;
        }
    }
    media
}

fn api(table: &mut Table<'_, '_>, folder: &Path) -> Api {
    let tokens = table.or("tokens", Vec::new(), some(false, api_token));
    for (place, token) in tokens.iter().enumerate() {
        if tokens[..place].iter().any(|earlier| earlier.token == token.token) {
            table.fault("tokens", "names a token twice: write each once, with all its scopes");
            break;
        }
    }
    Api {
        listen: table.or("listen", loopback(8080), text(socket_address)),
        tls: table.take("tls", |value| tls(value, folder)),
        tokens,
        token_file: folder.join("api-token"),
    }
}

fn store(table: &mut Table<'_, '_>, folder: &Path) -> Store {
    let url = table.or("url", StoreUrl::Sqlite(PathBuf::from("maskline.db")), |value| text(store_url)(value));
    match url {
        StoreUrl::Sqlite(path) => Store { url: StoreUrl::Sqlite(folder.join(path)) },
        url @ StoreUrl::Postgres(_) => Store { url },
    }
}

fn store_url(url: &str) -> Result<StoreUrl, String> {
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    if rest.is_some_and(|rest| !rest.is_empty()) {
        return Ok(StoreUrl::Postgres(Secret::new(url.to_owned())));
    }
    let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    path.filter(|path| !path.is_empty() && !path.starts_with(':'))
        .map(|path| StoreUrl::Sqlite(PathBuf::from(path)))
        .ok_or_else(|| {
            "is no store: write \"sqlite:\" and a file, as in \"sqlite:maskline.db\", or \"postgres://user:password@host/database\""
                .to_owned()
        })
}

fn numbers(table: &mut Table<'_, '_>) -> Numbers {
    let country = table.need("country", "the ISO 3166 code, as in country = \"IN\"", text(country));
    Numbers { country: country.unwrap_or_default(), owned: table.or("owned", Vec::new(), list(number)) }
}

fn country(code: &str) -> Result<String, String> {
    let known = crate::base::numbering::Numbering::of(code).is_some();
    let help = "write the ISO 3166 code in two capital letters, as in \"IN\"";
    known.then(|| code.to_owned()).ok_or_else(|| format!("\"{code}\" is no country: {help}"))
}

fn call(table: &mut Table<'_, '_>, folder: &Path) -> Call {
    Call {
        max_calls: table.take("max_calls", whole(1..=10_000_000)).map(|calls| calls as usize),
        decide: table.or("decide", s(6), duration(ms(1)..=s(60))),
        ring_timeout: table.or("ring_timeout", s(60), duration(s(1)..=s(600))),
        max_duration: table.or("max_duration", s(4 * 3600), duration(LONG)),
        silence: table.or("silence", s(300), duration(s(30)..=s(86_400))),
        hold: table.or("hold", s(3600), duration(LONG)),
        drain: table.or("drain", s(30), duration(s(0)..=s(86_400))),
        confirm_prompt: table
            .take("confirm_prompt", |value| text(|file| prompt::load(&folder.join(file)))(value)),
    }
}

fn records(table: &mut Table<'_, '_>, folder: &Path) -> Records {
    let path = table.or("path", PathBuf::from("records.jsonl"), |value| text(path)(value));
    let retention = table.take("retention", duration(s(3600)..=s(3650 * 86_400)));
    Records { path: folder.join(path), retention }
}

fn path(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.ends_with('/') {
        return Err("is no file: write one, as in \"records.jsonl\"".to_owned());
    }
    Ok(PathBuf::from(path))
}

fn log(table: &mut Table<'_, '_>) -> Log {
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    Log {
        level: table.or("level", LogLevel::Info, word(&levels)),
        format: table.or(
            "format",
            LogFormat::Human,
            word(&[("human", LogFormat::Human), ("json", LogFormat::Json)]),
        ),
    }
}

fn webhooks(table: &mut Table<'_, '_>) -> Webhooks {
    Webhooks {
        status_url: table.take("status_url", text(values::link)),
        fallback_url: table.take("fallback_url", text(values::link)),
        hangup_url: table.take("hangup_url", text(values::link)),
        post_empty_digits: table.or("post_empty_digits", false, boolean),
        secret: table.take("secret", secret),
        connect_timeout: table.or("connect_timeout", s(2), duration(ms(1)..=s(60))),
        timeout: table.or("timeout", s(3), duration(ms(1)..=s(60))),
        allow_private_webhooks: table.or("allow_private_webhooks", false, boolean),
    }
}
