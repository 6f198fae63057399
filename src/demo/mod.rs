//! Floor 8. The demonstration: a private instance on loopback, two phones, a masked call with audio both ways, and
//! a look at what each side got.
//!
//! The call goes through all that a service is made of; the phones are real user agents at addresses of their own,
//! which tell everything about themselves that they can. What each received is then searched for the other's data.

mod audio;
mod cast;
mod folder;
mod phone;
mod report;
mod search;
mod stream;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::app::{self, ServeFault, Service, StartFault};
use crate::base::Random;
use cast::{CALLEE, CALLER, DIALLED};
use folder::Folder;
use phone::{Account, Phone};

pub use phone::PhoneFault;
pub use report::Report;

/// How long the callee's phone rings.
const RING: Duration = Duration::from_millis(200);
/// How long the phones go on listening when the call is over.
const LINGER: Duration = Duration::from_millis(200);

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoFault {
    /// The temporary folder for the record can't be made.
    #[error("cannot make a temporary folder: {0}")]
    Folder(#[source] io::Error),
    /// The instance did not start.
    #[error(transparent)]
    Start(#[from] StartFault),
    /// A phone could not do its part.
    #[error("{0}'s phone: {1}")]
    Phone(&'static str, #[source] PhoneFault),
    /// The instance did not end as it should.
    #[error(transparent)]
    Stop(#[from] ServeFault),
}

/// Runs the demonstration: a few seconds.
///
/// # Errors
/// Where the call did not come to its end. What it was like, good or not, is in the report.
pub fn run() -> Result<Report, DemoFault> {
    let mut random = app::os_random()?;
    let folder = Folder::make(&random.token(12)).map_err(DemoFault::Folder)?;
    let settings = cast::settings(folder.path()).expect("a test holds them to be without fault");
    let records = settings.records.path.clone();
    let service = Service::start(Arc::new(settings))?;
    let switch = service.listeners()[0].public;
    let talked = talk(switch, &mut random);
    service.stop()?;
    let accounts = talked?;
    Ok(Report::new(switch, accounts, std::fs::read_to_string(records).unwrap_or_default()))
}

/// The call itself. The callee's phone lives in a thread of its own, and tells when it can be called.
fn talk(switch: SocketAddr, random: &mut Random) -> Result<[Account; 2], DemoFault> {
    let phone = |person, random: &mut Random| {
        Phone::new(person, switch, random).map_err(|fault| DemoFault::Phone(person.role, fault.into()))
    };
    let (mut caller, mut callee) = (phone(&CALLER, random)?, phone(&CALLEE, random)?);
    let (ready, is_ready) = mpsc::channel();
    let (called, calling) = thread::scope(|scope| {
        let called = scope.spawn(|| {
            callee.register()?;
            let _ = ready.send(());
            drop(ready);
            callee.be_called()
        });
        let calling = caller.register().and_then(|()| match is_ready.recv() {
            Ok(()) => caller.call(DIALLED),
            // The callee's phone tells why.
            Err(_) => Ok(()),
        });
        (called.join().expect("a phone does not panic"), calling)
    });
    // Where the caller's phone failed, the callee's may have waited in vain: that is no news.
    calling.map_err(|fault| DemoFault::Phone(CALLER.role, fault))?;
    called.map_err(|fault| DemoFault::Phone(CALLEE.role, fault))?;
    Ok([caller.into_account(), callee.into_account()])
}

#[expect(clippy::disallowed_methods, reason = "an edge: phones live in real time")]
fn now() -> Instant {
    Instant::now()
}
