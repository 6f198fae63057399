//! How long what a server sent may be used without asking it again (RFC 9111), and by what it knows it again (RFC 9110).

use std::time::Duration;

use hyper::header::{
    AGE, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use tokio::time::Instant;

/// For how long, where the server does not say.
const USUAL: Duration = Duration::from_secs(5 * 60);
/// At most, in s, whatever it says: a year.
const LONGEST: u64 = 365 * 86_400;

/// What a server said of something that it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fresh {
    until: Instant,
    /// Whether it is not to be used later, even where the server cannot be asked (RFC 9111 section 4.2.4).
    is_strict: bool,
    tag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Fresh {
    /// Reads the headers of an answer that was asked for at a time. `None`: it is not to be kept.
    pub(super) fn read(headers: &HeaderMap, asked: Instant) -> Option<Self> {
        let said: Vec<String> = headers
            .get_all(CACHE_CONTROL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|word| word.trim().to_ascii_lowercase())
            .collect();
        let says = |word: &str| said.iter().any(|said| said == word);
        if says("no-store") {
            return None;
        }
        let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
        let seconds = said.iter().find_map(|said| said.strip_prefix("max-age=")).map(|seconds| {
            // What is no number is no time (RFC 9111 section 4.2.1).
            seconds.trim_matches('"').parse::<u64>().unwrap_or(0).saturating_sub(age).min(LONGEST)
        });
        let length = match seconds {
            _ if says("no-cache") => Duration::ZERO,
            Some(seconds) => Duration::from_secs(seconds),
            None => USUAL,
        };
        Some(Self {
            until: asked + length,
            is_strict: says("no-cache") || says("must-revalidate"),
            tag: headers.get(ETAG).cloned(),
            modified: headers.get(LAST_MODIFIED).cloned(),
        })
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now < self.until
    }

    /// What to ask with whether it has changed (RFC 9110 section 13.1).
    pub(super) fn conditions(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let tag = self.tag.clone().map(|tag| (IF_NONE_MATCH, tag));
        let modified = self.modified.clone().map(|modified| (IF_MODIFIED_SINCE, modified));
        tag.into_iter().chain(modified)
    }

    /// The same, when the server has said that it has not changed: what it left out then is as before (RFC 9111
    /// section 4.3.4).
    pub(super) fn again(self, before: &Self) -> Self {
        Self {
            tag: self.tag.or_else(|| before.tag.clone()),
            modified: self.modified.or_else(|| before.modified.clone()),
            ..self
        }
    }

    /// The same for a while more, where the server cannot be asked and does not forbid it.
    pub(super) fn meanwhile(&self, now: Instant, length: Duration) -> Option<Self> {
        (!self.is_strict).then(|| Self { until: now + length, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(HeaderName, &str)], asked: Instant) -> Option<Fresh> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        Fresh::read(&headers.collect(), asked)
    }

    #[tokio::test]
    async fn an_answer_is_fresh_for_as_long_as_it_says() {
        let now = Instant::now();
        for (said, seconds) in [
            ("public, Max-Age=60", 60),
            ("max-age=\"60\"", 60),
            ("private", 300),
            ("max-age=0", 0),
            ("max-age=soon", 0),
            ("no-cache, max-age=60", 0),
            ("max-age=99999999999999999", LONGEST),
            ("max-age=99999999999999999999999", 0),
        ] {
            let fresh = read(&[(CACHE_CONTROL, said)], now).unwrap();
            let (until, ms) = (now + Duration::from_secs(seconds), Duration::from_millis(1));
            assert!(seconds == 0 || fresh.is_fresh(until.checked_sub(ms).unwrap()), "{said}");
            assert!(!fresh.is_fresh(until), "{said}");
        }
        assert_eq!(read(&[(CACHE_CONTROL, "max-age=60, no-store")], now), None);
        let aged = read(&[(CACHE_CONTROL, "max-age=60"), (AGE, "45")], now).unwrap();
        assert!(
            aged.is_fresh(now + Duration::from_secs(14)) && !aged.is_fresh(now + Duration::from_secs(15))
        );
        assert!(read(&[], now).unwrap().is_fresh(now + Duration::from_secs(299)));
    }

    #[tokio::test]
    async fn it_is_asked_for_again_by_what_it_is_known_by() {
        let now = Instant::now();
        let date = "Sun, 22 Nov 2026 10:00:00 GMT";
        let first = read(&[(ETAG, "\"a\""), (LAST_MODIFIED, date)], now).unwrap();
        let asked: Vec<_> = first.conditions().map(|(name, value)| format!("{name}: {value:?}")).collect();
        assert_eq!(asked, ["if-none-match: \"\\\"a\\\"\"", &format!("if-modified-since: {date:?}")]);
        let again = read(&[(CACHE_CONTROL, "max-age=10"), (ETAG, "\"b\"")], now).unwrap().again(&first);
        let asked: Vec<_> = again.conditions().map(|(_, value)| value).collect();
        assert_eq!(asked, ["\"b\"", date]);
        assert_eq!(read(&[], now).unwrap().conditions().count(), 0);
    }

    #[tokio::test]
    async fn an_old_one_serves_for_a_while_where_it_may() {
        let (now, while_) = (Instant::now(), Duration::from_secs(30));
        let old = read(&[(CACHE_CONTROL, "max-age=0")], now).unwrap();
        let more = old.meanwhile(now + while_, while_).unwrap();
        assert!(
            more.is_fresh(now + 2 * while_ - Duration::from_millis(1)) && !more.is_fresh(now + 2 * while_)
        );
        for strict in ["no-cache", "max-age=0, must-revalidate"] {
            assert_eq!(read(&[(CACHE_CONTROL, strict)], now).unwrap().meanwhile(now, while_), None);
        }
    }
}
