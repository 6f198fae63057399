//! The repeated tables of the settings file: `[[trunks]]`, `[[phones]]` and `[[mappings]]`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::base::link::{Method, link_host};
use crate::base::numbering::NumberFormat;
use crate::base::{PhoneNumber, Secret, Transport};

/// `[[trunks]]`: a carrier or a PBX.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its name in logs and records; unique.
    pub name: Arc<str>,
    /// Who may call us as this trunk; never empty.
    pub sources: Vec<IpNet>,
    /// Where its calls go; never empty, and one in this version.
    pub targets: Vec<Target>,
    /// The destinations that go out here, as E.164 digits without `+`; empty: whatever no prefix matches.
    pub prefixes: Vec<Box<str>>,
    /// How digits without any prefix are read; `None`: national where they have the country's length.
    pub format_in: Option<NumberFormat>,
    /// How numbers are written toward it.
    pub format_out: NumberFormat,
    /// The header that names the caller.
    pub identity_in: IdentityIn,
    /// The header that shows the masking number.
    pub identity_out: IdentityOut,
    /// The caller IDs it may show, all owned; `None`: every owned number.
    pub allowed_show: Option<Vec<PhoneNumber>>,
    /// Where its media may come from, besides the addresses it signals.
    pub media_sources: Vec<IpNet>,
    /// What the caller hears while this trunk's destination rings.
    pub early_media: EarlyMedia,
    /// The status of the uniform refusal toward it: 404, 403 or 480.
    pub refuse: u16,
    /// How many uniform refusals each of its callers may have a second before all calls of that one are refused.
    pub refusals_per_second: u32,
}

/// What stands for [`Trunk::refusals_per_second`] where it is left out, and for every phone.
pub const REFUSALS_PER_SECOND: u32 = 10;

impl Trunk {
    /// Whether it takes a destination, and with how many digits its longest matching prefix does: 0 where it has no
    /// prefixes at all.
    pub(crate) fn takes(&self, destination: PhoneNumber) -> Option<usize> {
        if self.prefixes.is_empty() {
            return Some(0);
        }
        let whole = destination.reveal();
        let matching = self.prefixes.iter().filter(|prefix| whole[1..].starts_with(&***prefix));
        matching.map(|prefix| prefix.len()).max()
    }
}

/// One place that a trunk's calls are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: TargetHost,
    /// The port; `None`: by RFC 3263, else the transport's default.
    pub port: Option<u16>,
    /// The transport; never TLS in this version.
    pub transport: Transport,
}

/// The host of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetHost {
    /// An address.
    Ip(IpAddr),
    /// A name to resolve (RFC 3263).
    Name(Arc<str>),
}

/// Which header of a trunk names the caller. No other header of that trunk is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityIn {
    /// P-Asserted-Identity where present, else From.
    #[default]
    PaiElseFrom,
    /// P-Asserted-Identity alone (RFC 3325).
    Pai,
    /// Remote-Party-ID alone.
    Rpid,
    /// From alone.
    From,
}

/// Which headers show the masking number toward a trunk. From always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityOut {
    /// P-Asserted-Identity beside From.
    #[default]
    Pai,
    /// Remote-Party-ID beside From.
    Rpid,
    /// From alone.
    From,
}

/// What the caller hears while the destination rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyMedia {
    /// 180 without media, whatever the far side sends.
    #[default]
    Ringback,
    /// The far side's early media.
    Relay,
}

/// `[[phones]]`: a softphone that registers with us.
#[derive(Debug, Clone)]
pub struct Phone {
    /// The user part of its address of record, and its digest user name; unique.
    pub username: Arc<str>,
    /// Its digest password.
    pub password: Secret,
    /// Who it is, whatever it claims; unique and never owned.
    pub number: PhoneNumber,
    /// What a caller hears while it rings.
    pub early_media: EarlyMedia,
}

/// `[[mappings]]`: one static row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The masking number dialled; owned.
    pub dialled: PhoneNumber,
    /// The one caller that the row is for; `None`: anyone.
    pub caller: Option<PhoneNumber>,
    /// What becomes of the call.
    pub leads: Leads,
    /// What the caller hears while the destination rings; `None`: what its trunk or phone says.
    pub early_media: Option<EarlyMedia>,
}

impl Mapping {
    /// Where its calls go; none where a web service says so.
    #[must_use]
    pub fn destination(&self) -> Option<PhoneNumber> {
        match self.leads {
            Leads::To { destination, .. } => Some(destination),
            Leads::Ask(_) => None,
        }
    }

    /// The caller ID that it shows; none where a web service says so.
    #[must_use]
    pub fn show(&self) -> Option<PhoneNumber> {
        match self.leads {
            Leads::To { show, .. } => Some(show),
            Leads::Ask(_) => None,
        }
    }
}

/// Where a row leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To a number.
    To {
        /// Where the call goes; never owned.
        destination: PhoneNumber,
        /// The caller ID shown there; owned.
        show: PhoneNumber,
    },
    /// To what the operator's web service answers on each call.
    Ask(AnswerUrl),
}

/// A web service that says what becomes of calls, and how it is asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerUrl {
    /// The URL, http or https.
    pub url: Arc<str>,
    /// How it is asked.
    pub method: Method,
}

/// Its path and query may carry what no log shows.
impl fmt::Debug for AnswerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerUrl({:?} {})", self.method, link_host(&self.url))
    }
}
