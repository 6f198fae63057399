//! Languages and voices, as a speech command is told them.

use super::PromptFault;
use crate::voice::Voice;

/// What espeak-ng calls a woman's voice.
const WOMAN: &str = "+f2";

/// A language tag (RFC 5646 section 2.1), which is then harmless as an argument.
pub(super) fn tag(language: &str) -> Result<&str, PromptFault> {
    let mut parts = language.split('-');
    let is_primary = |part: &str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_tag = parts.next().is_some_and(|part| is_part(part) && is_primary(part)) && parts.all(is_part);
    is_tag.then_some(language).ok_or(PromptFault::Language)
}

/// A voice, harmless as an argument.
pub(super) fn name(voice: &Voice) -> &str {
    match voice {
        Voice::Woman => "woman",
        Voice::Man => "man",
        Voice::Named(name) => match name.trim_start_matches('-') {
            "" => "woman",
            name => name,
        },
    }
}

/// What espeak-ng calls a voice that speaks a language. Of a voice with a name it knows the language alone. A region
/// that it does not know it passes over itself; here is what it would not find, or would take for another.
pub(super) fn espeak(language: &str, voice: &Voice) -> String {
    let language = language.to_ascii_lowercase();
    let (primary, region) = language.split_once('-').unwrap_or((&language, ""));
    let spoken = match (primary, region) {
        ("arb", _) => "ar",
        ("iw", _) => "he",
        ("in", _) => "id",
        ("zh", "hk" | "mo" | "hant-hk" | "hant-mo") => "yue",
        // Spanish beyond Spain is that of Latin America.
        ("es", region) if !matches!(region, "" | "es") => "es-419",
        _ => &language,
    };
    match voice {
        Voice::Man => spoken.to_owned(),
        Voice::Woman | Voice::Named(_) => format!("{spoken}{WOMAN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_options() {
        for language in ["en", "en-US", "cmn-Hans-CN", "es-419", "en-GB-x-rp", "sr-Latn-RS"] {
            assert_eq!(tag(language), Ok(language));
        }
        for other in
            ["", "-", "-v", "--help", "e", "1n-US", "en-", "en--US", "en_US", "en-longerthan8", "deutschland"]
        {
            assert_eq!(tag(other), Err(PromptFault::Language), "{other}");
        }
        for (voice, told) in [
            (Voice::Woman, "woman"),
            (Voice::Man, "man"),
            (Voice::Named("Polly.Aditi".into()), "Polly.Aditi"),
            (Voice::Named("--help".into()), "help"),
            (Voice::Named("--".into()), "woman"),
        ] {
            assert_eq!(name(&voice), told);
        }
    }

    #[test]
    fn espeak_is_told_its_own_names() {
        for (language, called) in [
            ("en-US", "en-us"),
            ("en-IN", "en-in"),
            ("hi-IN", "hi-in"),
            ("arb", "ar"),
            ("es-ES", "es-es"),
            ("es-US", "es-419"),
            ("zh-HK", "yue"),
            ("cmn-CN", "cmn-cn"),
        ] {
            assert_eq!(espeak(language, &Voice::Man), called);
            assert_eq!(espeak(language, &Voice::Woman), format!("{called}+f2"));
        }
        assert_eq!(espeak("hi-IN", &Voice::Named("Polly.Aditi".into())), "hi-in+f2");
    }
}
