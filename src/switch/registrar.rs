//! The registrar (RFC 3261 section 10.3) for the phones of the settings.

use std::time::{Duration, Instant};

use super::Switch;
use super::location::Change;
use crate::base::Flow;
use crate::call::ServerId;
use crate::mask::write::Reply;
use crate::sip::{Contact, Name, Request, Scheme, Status, Uri};

/// What a contact lasts where it does not say, and at most.
const USUAL: u32 = 3_600;
const MOST: u32 = 7_200;
/// A shorter registration is refused with 423.
const LEAST: u32 = 60;

impl Switch {
    /// A REGISTER of a phone that has proved who it is.
    pub(super) fn register(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
        phone: usize,
        to: ServerId,
    ) {
        let username = self.policy.index.phone(phone).username.clone();
        let (status, reply) = if request.to().uri().user().as_deref() != Some(&username) {
            (Status::FORBIDDEN, Reply::bare())
        } else {
            match changes(request, || self.registry.contacts(now, &username)) {
                Err((status, reply)) => (status, reply),
                Ok(changes) => {
                    let order = (request.call_id(), request.cseq().number);
                    if self.registry.apply(now, &username, flow, &changes, order) {
                        (Status::OK, self.registered(now, &username))
                    } else {
                        (Status::SERVER_INTERNAL_ERROR, Reply::bare())
                    }
                }
            }
        };
        self.respond(now, to, status, &reply, None);
    }

    /// The phone's contacts as they stand.
    fn registered(&self, now: Instant, username: &str) -> Reply {
        self.registry.contacts(now, username).iter().fold(Reply::bare(), |reply, binding| {
            let left = binding.expires.saturating_duration_since(now).as_secs();
            reply.with(Name::Contact, format!("<{}>;expires={left}", binding.uri))
        })
    }
}

/// What the contacts of a REGISTER ask for.
fn changes(
    request: &Request,
    known: impl FnOnce() -> Vec<super::Binding>,
) -> Result<Vec<Change>, (Status, Reply)> {
    let bad_request = || (Status::BAD_REQUEST, Reply::bare());
    let contacts: Vec<Contact> = request.contacts().collect::<Result<_, _>>().map_err(|_| bad_request())?;
    if contacts.contains(&Contact::Star) {
        // It stands alone and takes everything away (RFC 3261 section 10.2.2).
        return match (contacts.len(), request.expires()) {
            (1, Some(0)) => {
                Ok(known().into_iter().map(|binding| Change { uri: binding.uri, lasts: None }).collect())
            }
            _ => Err(bad_request()),
        };
    }
    contacts
        .into_iter()
        .map(|contact| {
            let Contact::At { address, expires, .. } = contact else { return Err(bad_request()) };
            if address.uri().scheme() != Scheme::Sip {
                return Err(bad_request());
            }
            let asked = expires.or(request.expires()).unwrap_or(USUAL);
            if (1..LEAST).contains(&asked) {
                let reply = Reply::bare().with(Name::MinExpires, LEAST.to_string());
                return Err((Status::INTERVAL_TOO_BRIEF, reply));
            }
            let lasts = (asked > 0).then(|| Duration::from_secs(u64::from(asked.min(MOST))));
            // Read anew, so that it does not hold on to the whole message.
            let uri = Uri::parse(address.uri().as_str()).map_err(|_| bad_request())?;
            Ok(Change { uri, lasts })
        })
        .collect()
}
