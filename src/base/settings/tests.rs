use std::time::Duration;

use super::*;
use crate::base::Transport;

const SHIPPED: &str = include_str!("../../../config.toml");

fn parse(text: &str) -> Result<Settings, Vec<FileFault>> {
    Settings::parse(text, Path::new("/etc/maskline/config.toml"))
}

/// The shipped file with one text replaced by another.
fn edited(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "{from}");
    SHIPPED.replacen(from, to, 1)
}

/// The faults of a text, each as `key: message`.
fn faults(text: &str) -> Vec<String> {
    let faults = parse(text).err().unwrap_or_default();
    faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
}

/// The shipped file edited has this one fault, told on the line of the edit.
#[track_caller]
fn refused(from: &str, to: &str, key: &str, message: &str) {
    let text = edited(from, to);
    let found = parse(&text).expect_err("a fault");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].key, key);
    assert!(found[0].message.contains(message), "{}", found[0].message);
    let line = 1 + SHIPPED[..SHIPPED.find(from).unwrap()].matches('\n').count();
    let lines = line..=line + to.matches('\n').count();
    assert!(lines.contains(&found[0].line.unwrap()), "{:?} is not in {lines:?}", found[0].line);
}

#[test]
fn the_shipped_file_is_without_fault() {
    let settings = parse(SHIPPED).unwrap();
    assert_eq!(settings.sip.listen.len(), 2);
    assert_eq!(settings.sip.listen[1].transport, Transport::Tcp);
    assert_eq!(settings.media.ports, 20000..=29999);
    assert_eq!(settings.records.path, Path::new("/etc/maskline/records.jsonl"));
    assert_eq!(settings.store.url, StoreUrl::Sqlite("/etc/maskline/maskline.db".into()));
    assert_eq!(settings.trunks[0].sources, ["127.0.0.2/32".parse().unwrap()]);
    assert_eq!(settings.trunks[0].targets[0].port, Some(5060));
    let passwords: Vec<&str> = settings.phones.iter().map(|phone| phone.password.reveal()).collect();
    assert_eq!(passwords, check::SHIPPED_PASSWORDS, "those that are refused in production are those shipped");
    let [there, back] = &settings.mappings[..] else { panic!("one pair") };
    assert_eq!((there.caller, there.destination()), (back.destination(), back.caller));
    assert_eq!((Some(there.dialled), there.show()), (back.show(), Some(back.dialled)));
}

#[test]
fn what_is_left_out_is_as_the_shipped_file_says() {
    let commented: String = SHIPPED
        .lines()
        .map(|line| {
            let setting = line.strip_prefix("# ").filter(|rest| {
                let word = rest.split(' ').next().unwrap_or("");
                rest[word.len()..].starts_with(" = ")
                    && word
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            });
            format!("{}\n", setting.unwrap_or(line))
        })
        .collect();
    let (with, without) = (parse(&commented).unwrap(), parse(SHIPPED).unwrap());
    assert!(with.trunks[0].allowed_show.is_some() && with.sip.advertise.is_some(), "all keys are read");
    assert_eq!((with.sip.t1, with.sip.t2, with.sip.t4), (without.sip.t1, without.sip.t2, without.sip.t4));
    assert_eq!(with.media.codecs, without.media.codecs);
    assert_eq!(with.media.port_rest, without.media.port_rest);
    assert_eq!((with.call.max_calls, without.call.max_calls), (Some(2500), None));
    let durations = |settings: &Settings| Call { max_calls: None, ..settings.call.clone() };
    assert_eq!(format!("{:?}", durations(&with)), format!("{:?}", durations(&without)));
    assert_eq!(format!("{:?}", with.log), format!("{:?}", without.log));
    assert_eq!(with.records.path, without.records.path);
    assert_eq!(with.webhooks.timeout, without.webhooks.timeout);
    assert_eq!(with.trunks[0].refuse, without.trunks[0].refuse);
    assert_eq!(with.trunks[0].refusals_per_second, without.trunks[0].refusals_per_second);
}

#[test]
fn little_is_enough() {
    let settings = parse("numbers.country = \"GB\"").unwrap();
    assert_eq!(settings.call.silence, Duration::from_secs(300));
    assert_eq!(settings.call.max_duration, Duration::from_secs(4 * 3600));
    assert_eq!(settings.api.listen, "127.0.0.1:8080".parse().unwrap());
    assert!(settings.trunks.is_empty() && settings.numbers.owned.is_empty());
}

#[test]
fn every_fault_is_told_in_the_order_of_the_file() {
    let text = "[sip]\nlisten = [\"udp:nowhere\", \"tcp:127.0.0.1:5060\", \"tls:127.0.0.1:5061\"]\nt1 = 500\n\
                [numbers]\ncountry = \"India\"\n[call]\nsilence = \"5s\"\n[[mappings]]\nshow = \"+91804\"\n";
    let found = parse(text).unwrap_err();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let starts = [
        "/etc/maskline/config.toml:2: sip.listen: \"udp:nowhere\" is no listener",
        "/etc/maskline/config.toml:2: sip.listen: not in this version",
        "/etc/maskline/config.toml:3: sip.t1: is a bare number",
        "/etc/maskline/config.toml:5: numbers.country: \"India\" is no country",
        "/etc/maskline/config.toml:7: call.silence: is out of bounds: write from 30s to 24h",
        "/etc/maskline/config.toml:8: mappings.dialled: is missing",
        "/etc/maskline/config.toml:8: mappings.destination: is missing",
        "/etc/maskline/config.toml:9: mappings.show: is an emergency number or a short code",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (fault, start) in found.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}");
    }
}

#[test]
fn a_file_that_is_no_toml_or_not_there() {
    let found = parse("[sip]\nlisten = \n[numbers\ncountry = \"IN\"\n").unwrap_err();
    assert!(
        found.len() >= 2 && found.iter().all(|fault| fault.message.starts_with("is not TOML")),
        "{found:?}"
    );
    assert_eq!(found[0].line, Some(2));
    let missing = Settings::load(Path::new("/nowhere/config.toml")).unwrap_err();
    assert!(missing[0].to_string().starts_with("/nowhere/config.toml: cannot be read:"), "{}", missing[0]);
    assert_eq!(faults(""), ["numbers.country: is missing: write the ISO 3166 code, as in country = \"IN\""]);
}

#[test]
fn unknown_keys_and_tables_are_refused() {
    refused("target = ", "traget = \"\"\ntarget = ", "trunks.traget", "did you mean `target`?");
    refused("[store]", "[stroe]", "stroe", "did you mean `store`?");
    refused("[store]", "[store]\ncolour = 1", "store.colour", "take it out; known here are url");
    refused("[store]", "verbose = true\n[store]", "api.verbose", "unknown key");
    refused("[sip]", "[[sip]]", "sip", "write [sip]");
    let phones = faults("numbers.country = \"IN\"\n[phones]\nusername = \"a\"\n");
    assert_eq!(phones, ["phones: is repeated, each time under a head of its own: write [[phones]]"]);
}

#[test]
fn addresses_are_checked() {
    for (from, to, key, message) in [
        ("\"udp:127.0.0.1:5060\"", "\"127.0.0.1:5060\"", "sip.listen", "write the transport and the address"),
        ("\"udp:127.0.0.1:5060\"", "\"udp:127.0.0.1\"", "sip.listen", "is no listener"),
        ("\"udp:127.0.0.1:5060\"", "\"tcp:127.0.0.1:5060\"", "sip.listen", "already"),
        ("# advertise = \"198.51.100.7\"", "advertise = \"pbx.example\"", "sip.advertise", "no address"),
        ("# advertise = \"198.51.100.7\"", "advertise = \"0.0.0.0\"", "sip.advertise", "no address"),
        ("\"127.0.0.1:8080\"", "\"localhost:8080\"", "api.listen", "write an address and a port"),
        ("\"127.0.0.2/32\"", "\"127.0.0.2/33\"", "trunks.sources", "no network"),
        ("\"127.0.0.2/32\"", "\"127.0.0.2/24\"", "trunks.sources", "write \"127.0.0.0/24\" or \"127.0.0.2\""),
        ("\"127.0.0.2/32\"", "\"0.0.0.0/0\"", "trunks.sources", "whole world"),
        ("[\"127.0.0.2/32\"]", "[]", "trunks.sources", "is empty"),
        ("\"sip:127.0.0.2:5060;transport=udp\"", "\"127.0.0.2\"", "trunks.target", "no sip: URI"),
        ("\"sip:127.0.0.2:5060;transport=udp\"", "\"sip:a@127.0.0.2\"", "trunks.target", "has a user"),
        (
            "\"sip:127.0.0.2:5060;transport=udp\"",
            "\"sips:127.0.0.2\"",
            "trunks.target",
            "not in this version",
        ),
        (
            "\"sip:127.0.0.2:5060;transport=udp\"",
            "\"sip:h;transport=tls\"",
            "trunks.target",
            "not in this version",
        ),
        ("\"sip:127.0.0.2:5060;transport=udp\"", "\"sip:h;lr\"", "trunks.target", "parameter"),
        ("\"sip:127.0.0.2:5060;transport=udp\"", "\"sip:127.0.0.2:0\"", "trunks.target", "no host"),
        ("\"sip:127.0.0.2:5060;transport=udp\"", "\"sip:300.0.0.2\"", "trunks.target", "no host"),
        ("\"sip:127.0.0.2:5060;transport=udp\"", "\"sip:127.0.0.1\"", "trunks.target", "listen ourselves"),
    ] {
        refused(from, to, key, message);
    }
}

#[test]
fn targets_are_read() {
    let shipped = "\"sip:127.0.0.2:5060;transport=udp\"";
    let ip = |address: &str| TargetHost::Ip(address.parse().unwrap());
    for (written, host, port, transport) in [
        ("\"sip:[2001:db8::1]:5080;transport=TCP\"", ip("2001:db8::1"), Some(5080), Transport::Tcp),
        ("\"sip:gw.example.com\"", TargetHost::Name("gw.example.com".into()), None, Transport::Udp),
        ("[\"SIP:203.0.113.1\"]", ip("203.0.113.1"), None, Transport::Udp),
    ] {
        let settings = parse(&edited(shipped, written)).unwrap();
        assert_eq!(settings.trunks[0].targets, [Target { host, port, transport }]);
    }
    let two = "[\n\"sip:203.0.113.1\",\n\"sip:203.0.113.2\"]";
    refused(shipped, two, "trunks.target", "not in this version: write one target");
    refused(shipped, "[]", "trunks.target", "is empty");
}

#[test]
fn ports_and_durations_are_checked() {
    for (ports, message) in [
        ("20001-29999", "has to be even"),
        ("20000-30000", "has to be even"),
        ("30000-20001", "above the last"),
        ("20000-20001", "no room"),
        ("80-20001", "under 1024"),
        ("20000-70000", "no range"),
        ("20000", "no range"),
        ("5000-5999", "where SIP is heard"),
    ] {
        refused("\"20000-29999\"", &format!("\"{ports}\""), "media.ports", message);
    }
    for silence in ["29s", "29999ms", "30", "s", "", "30 s", "30m30h", "-30s", "9999999999999999999s"] {
        let found = faults(&edited("# silence = \"300s\"", &format!("silence = \"{silence}\"")));
        assert!(found[0].starts_with("call.silence: is "), "{silence}: {found:?}");
    }
    let settings = parse(&edited("# silence = \"300s\"", "silence = \"1h1m30s500ms\"")).unwrap();
    assert_eq!(settings.call.silence, Duration::from_millis(3_690_500));
    refused("# t2 = \"4s\"", "t2 = \"400ms\"", "sip.t2", "shorter than t1");
}

#[test]
fn numbers_are_checked() {
    let more = |number: &str| format!("\"+918045550102\", \"{number}\"]");
    let last = "\"+918045550102\"]";
    refused(last, &more("+918045550101"), "numbers.owned", "already");
    refused(last, &more("08045550103"), "numbers.owned", "begin with +");
    refused(last, &more("+44116123"), "numbers.owned", "short code");
    refused("country = \"IN\"", "country = \"in\"", "numbers.country", "two capital letters");
}

#[test]
fn mappings_are_checked() {
    let first = "caller = \"+919876500001\"\ndestination = \"+919876500002\"\nshow = \"+918045550102\"";
    let row = |caller: &str, destination: &str, show: &str| {
        format!("caller = \"{caller}\"\ndestination = \"{destination}\"\nshow = \"{show}\"")
    };
    let (a, b, m2) = ("+919876500001", "+919876500002", "+918045550102");
    refused(first, &row(a, b, "+918045550103"), "mappings.show", "+9180******03 is not owned");
    refused(first, &row(a, b, a), "mappings.show", "only owned numbers are shown");
    refused(first, &row(a, m2, m2), "mappings.destination", "the call would loop");
    refused(first, &row(m2, b, m2), "mappings.caller", "is a masking number of ours");
    refused(first, &row(a, a, m2), "mappings.caller", "called by itself");
    for special in ["112", "+112", "911", "1098", "+91112"] {
        refused(first, &row(a, special, m2), "mappings.destination", "emergency number or a short code");
    }
    refused(first, &row(a, "+44116123", m2), "mappings.destination", "emergency number or a short code");
    refused(first, &row(a, "919876500002", m2), "mappings.destination", "begin with +");
    refused(first, &row("anonymous", b, m2), "mappings.caller", "begin with +");
    let dialled = "dialled = \"+918045550101\"";
    refused(dialled, "dialled = \"+918045550199\"", "mappings.dialled", "is not owned");
    let asks = format!("answer_url = \"http://a/\"\nshow = \"{m2}\"");
    refused(first, &asks, "mappings.show", "is for the web service to say");
    refused(first, "answer_url = \"ftp://a/\"", "mappings.answer_url", "is no URL to call");
    refused(first, "answer_url = \"http://a/\"\nanswer_method = \"PUT\"", "mappings.answer_method", "POST");
    refused(first, &format!("{first}\nanswer_method = \"GET\""), "mappings.answer_method", "write that, or");
    assert_eq!(faults(&edited(first, "answer_url = \"http://a/\"")), Vec::<String>::new());
    let again = format!("{first}\n[[mappings]]\n{dialled}\n{first}");
    refused(first, &again, "mappings.dialled", "already: take one of the two rows out");
    let one_way = format!("{first}\n[[mappings]]\n{dialled}\ndestination = \"{b}\"\nshow = \"{m2}\"");
    assert_eq!(
        faults(&edited(first, &one_way)),
        Vec::<String>::new(),
        "anyone beside one caller is no duplicate"
    );
}

#[test]
fn a_number_may_have_early_media_of_its_own() {
    let show = "show = \"+918045550102\"";
    for (written, read) in [("relay", EarlyMedia::Relay), ("ringback", EarlyMedia::Ringback)] {
        let settings = parse(&edited(show, &format!("{show}\nearly_media = \"{written}\""))).unwrap();
        assert_eq!((settings.mappings[0].early_media, settings.mappings[1].early_media), (Some(read), None));
    }
    let unknown = format!("{show}\nearly_media = \"on\"");
    refused(show, &unknown, "mappings.early_media", "write \"ringback\" or \"relay\"");
}

#[test]
fn phones_are_checked() {
    refused("username = \"customer\"", "username = \"agent\"", "phones.username", "already");
    refused("username = \"customer\"", "username = \"a b\"", "phones.username", "no name");
    let number = "number = \"+919876500002\"";
    refused(number, "number = \"+919876500001\"", "phones.number", "already");
    refused(number, "number = \"+918045550101\"", "phones.number", "masking number of ours");
    refused("password = \"customer-demo-password\"", "password = \"\"", "phones.password", "is empty");
    let open = faults(&edited("\"udp:127.0.0.1:5060\"", "\"udp:0.0.0.0:5060\""));
    assert_eq!(open.len(), 2, "{open:?}");
    assert!(
        open.iter().all(|fault| fault.starts_with("phones.password: is the password of the shipped file"))
    );
    assert!(!open.iter().any(|fault| fault.contains("demo")), "a secret is not repeated");
}

#[test]
fn trunks_are_checked() {
    let another = |name: &str, source: &str| {
        format!(
            "[[trunks]]\nname = \"{name}\"\nsources = [\"{source}\"]\ntarget = \"sip:127.0.0.9\"\n\n[[phones]]"
        )
    };
    refused("[[phones]]", &another("carrier", "127.0.0.9"), "trunks.name", "already");
    refused(
        "[[phones]]",
        &another("other", "127.0.0.2"),
        "trunks.sources",
        "already: write each source at one trunk",
    );
    let nested = parse(&edited("[[phones]]", &another("other", "127.0.0.0/24")));
    assert!(nested.is_ok(), "the longer prefix tells them apart");
    for (from, to, key, message) in [
        ("# prefixes = [\"+91\"]", "prefixes = [\"0\"]", "trunks.prefixes", "is no prefix"),
        ("# prefixes = [\"+91\"]", "prefixes = [\"+\"]", "trunks.prefixes", "is no prefix"),
        ("# prefixes = [\"+91\"]", "prefixes = []", "trunks.prefixes", "is empty"),
        ("# refuse = 404", "refuse = 486", "trunks.refuse", "write 404, 403 or 480"),
        ("# refuse = 404", "refusals_per_second = 0", "trunks.refusals_per_second", "from 1 to 1000000"),
        ("# format_in = \"e164\"", "format_in = \"E.164\"", "trunks.format_in", "\"e164-no-plus\""),
        ("name = \"carrier\"", "name = \"a carrier\"", "trunks.name", "no name"),
    ] {
        refused(from, to, key, message);
    }
    let show = "# allowed_show = [\"+918045550101\", \"+918045550102\"]";
    refused(show, "allowed_show = [\"+919876500001\"]", "trunks.allowed_show", "is not owned");
}

#[test]
fn the_status_url_can_be_called() {
    refused("# timeout = \"3s\"", "status_url = \"http://a/#x\"", "webhooks.status_url", "without a user");
    let settings = parse(&edited("# timeout = \"3s\"", "status_url = \"http://a/?x\"")).unwrap();
    assert_eq!(settings.webhooks.status_url.as_deref(), Some("http://a/?x"));
}

#[test]
fn what_later_versions_do_is_refused_and_not_ignored() {
    for (from, to, key) in [
        ("# t1 = \"500ms\"", "tls = { certificate = \"a\", key = \"b\" }", "sip.tls"),
        ("# t1 = \"500ms\"", "options_interval = \"30s\"", "sip.options_interval"),
        ("# t1 = \"500ms\"", "options_interval = 0", "sip.options_interval"),
        ("# srtp = \"off\"", "srtp = \"offer\"", "trunks.srtp"),
        ("# srtp = \"off\"", "register = true", "trunks.register"),
        ("# srtp = \"off\"", "username = \"me\"", "trunks.username"),
        ("# srtp = \"off\"", "password = \"me\"", "trunks.password"),
        ("# srtp = \"off\"", "max_calls = 100", "trunks.max_calls"),
        ("# srtp = \"off\"", "max_cps = 10", "trunks.max_cps"),
    ] {
        refused(from, to, key, "not in this version");
    }
    for (from, to) in [
        ("# t1 = \"500ms\"", "options_interval = \"off\""),
        ("# srtp = \"off\"", "srtp = \"off\"\nregister = false"),
    ] {
        assert_eq!(faults(&edited(from, to)), Vec::<String>::new(), "what is off asks for nothing");
    }
    let secret = faults(&edited("# srtp = \"off\"", "username = \"me\"\npassword = \"hush\""));
    assert!(secret.len() == 2 && !secret.concat().contains("hush"), "{secret:?}");
}

#[test]
fn a_store_is_a_file_or_a_server() {
    let store = |url: &str| parse(&edited("sqlite:maskline.db", url)).unwrap().store.url;
    assert_eq!(store("sqlite:///var/lib/calls.db"), StoreUrl::Sqlite("/var/lib/calls.db".into()));
    let StoreUrl::Postgres(url) = store("postgres://u:hush@h/db") else { panic!("a server") };
    assert_eq!(url.reveal(), "postgres://u:hush@h/db");
    for wrong in ["mysql://h/db", "postgres:", "postgres://", "sqlite:", "sqlite::memory:"] {
        refused("sqlite:maskline.db", wrong, "store.url", "is no store");
    }
}

#[test]
fn records_are_kept_for_good_or_for_a_time() {
    assert_eq!(parse(SHIPPED).unwrap().records.retention, None);
    let kept = parse(&edited("# retention = \"365d\"", "retention = \"30d\"")).unwrap().records.retention;
    assert_eq!(kept, Some(std::time::Duration::from_secs(30 * 86_400)));
    refused("# retention = \"365d\"", "retention = \"1m\"", "records.retention", "out of bounds");
}

#[test]
fn faults_print_no_number_whole() {
    let owned = "[\"+918045550101\", \"+918045550102\"]";
    let mut found = parse(&edited(owned, "[]")).unwrap_err();
    found.extend(parse(&SHIPPED.replace("\"+91", "\"91")).unwrap_err());
    found.extend(parse(&SHIPPED.replace("= \"+91", "= \"+91x")).unwrap_err());
    assert!(found.len() > 12, "{found:?}");
    for fault in found {
        let fault = fault.to_string();
        assert!(!fault.contains("8045550") && !fault.contains("9876500"), "{fault}");
    }
}

proptest::proptest! {
    /// Whatever is cut out of the file, reading it ends in settings or in faults on its lines.
    #[test]
    fn a_damaged_file_is_told_and_nothing_worse(from in 0_usize..SHIPPED.len(), length in 0_usize..200, put in "[\"#=\\[\\]{}\\n,x1]{0,4}") {
        let to = (from + length).min(SHIPPED.len());
        if SHIPPED.is_char_boundary(from) && SHIPPED.is_char_boundary(to) {
            let text = format!("{}{put}{}", &SHIPPED[..from], &SHIPPED[to..]);
            for fault in parse(&text).err().unwrap_or_default() {
                let lines = text.matches('\n').count() + 1;
                proptest::prop_assert!(fault.line.is_some_and(|line| (1..=lines).contains(&line)), "{fault}");
                proptest::prop_assert!(!fault.message.is_empty());
            }
        }
    }
}
