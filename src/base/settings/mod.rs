//! The settings file: its types, reading it, and what is wrong with it.

mod addresses;
mod check;
mod file;
mod peers;
mod prompt;
mod reach;
mod report;
mod rows;
mod sections;
mod speech;
mod table;
mod tls;
mod tokens;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use file::Draft;
use report::Report;
use table::File;

pub use crate::base::numbering::NumberFormat;
pub use peers::{
    AnswerUrl, EarlyMedia, IdentityIn, IdentityOut, Leads, Mapping, Phone, REFUSALS_PER_SECOND, Target,
    TargetHost, Trunk,
};
pub use sections::{
    Api, Call, CodecName, DigestHash, Listen, Log, LogFormat, LogLevel, Media, Numbers, Records, Sip, Speech,
    Store, StoreUrl, Webhooks,
};
pub use tokens::{ApiToken, Scope, is_token};

/// The whole file, read and found without fault.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[sip]`
    pub sip: Sip,
    /// `[media]`
    pub media: Media,
    /// `[api]`
    pub api: Api,
    /// `[store]`
    pub store: Store,
    /// `[numbers]`
    pub numbers: Numbers,
    /// `[call]`
    pub call: Call,
    /// `[records]`
    pub records: Records,
    /// `[log]`
    pub log: Log,
    /// `[speech]`
    pub speech: Speech,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// `[[trunks]]`, in the file's order.
    pub trunks: Vec<Trunk>,
    /// `[[phones]]`, in the file's order.
    pub phones: Vec<Phone>,
    /// `[[mappings]]`, in the file's order.
    pub mappings: Vec<Mapping>,
}

/// One thing that is wrong with the settings file, and what to write instead. Numbers in it are redacted and
/// secrets never stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The file as it was named.
    pub file: PathBuf,
    /// The line, counted from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// The key, as in `trunks.target`; empty where no key is meant.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

impl Settings {
    /// Reads and checks a file. Relative paths in it start at the file's folder.
    ///
    /// # Errors
    /// Every fault found, in the order of the file.
    pub fn load(path: &Path) -> Result<Self, Vec<FileFault>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            vec![FileFault { file: path.to_owned(), line: None, key: String::new(), message }]
        })?;
        Self::parse(&text, path)
    }

    /// Reads and checks the text of a file. `path` names it in faults, and its folder is where relative paths start.
    ///
    /// # Errors
    /// Every fault found, in the order of the file.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Vec<FileFault>> {
        let mut report = Report::new(path, text);
        let (content, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            report.fault(offset, String::new(), format!("is not TOML: {}", error.message()));
        }
        if !report.is_clean() {
            return Err(report.into_faults());
        }
        let mut file = File::new(&mut report, content.get_ref());
        let draft = Draft::read(&mut file, path.parent().unwrap_or(Path::new("")));
        file.close();
        check::check(&draft, &mut report);
        if report.is_clean() { Ok(draft.into_settings()) } else { Err(report.into_faults()) }
    }
}

#[cfg(test)]
mod tests;
