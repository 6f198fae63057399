//! How many calls the machine lets us hold, and the line that says so.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors of one call: RTP and RTCP toward each side.
const PER_CALL: u64 = 4;
/// Descriptors that the rest of the process needs: listeners, files, event queues.
const RESERVED: u64 = 128;

/// What bounds the calls and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Descriptors that the process may open.
    descriptors: u64,
    /// Calls that the media ports have room for.
    by_ports: u64,
}

impl Capacity {
    /// Raises the limit of descriptors as far as it goes, and sees what follows.
    pub(super) fn claim(by_ports: usize) -> Self {
        Self { descriptors: raise_descriptors(), by_ports: by_ports as u64 }
    }

    /// Stream connections that may be open at a time: an eighth of the descriptors, and not more than a node needs.
    pub(super) fn connections(self) -> usize {
        usize::try_from((self.descriptors / 8).clamp(16, 4096)).unwrap_or(4096)
    }

    fn by_descriptors(self) -> u64 {
        self.descriptors.saturating_sub(RESERVED + self.connections() as u64) / PER_CALL
    }

    /// How many calls are taken at a time: as many as the settings say, and no more than there is room for.
    pub(super) fn calls(self, wanted: Option<usize>) -> usize {
        let room = usize::try_from(self.by_ports.min(self.by_descriptors())).unwrap_or(usize::MAX);
        wanted.map_or(room, |wanted| wanted.min(room))
    }

    /// Says how many calls are taken, and what to do for more.
    pub(super) fn tell(self, wanted: Option<usize>) {
        let calls = self.calls(wanted);
        if Some(calls) == wanted {
            tracing::info!(calls, "room for this many calls at a time: [call] max_calls bounds it");
        } else if self.by_descriptors() < self.by_ports {
            let needed = self.by_ports * PER_CALL + RESERVED + 4096;
            tracing::warn!(
                calls,
                descriptors = self.descriptors,
                needed,
                "room for this many calls at a time: open files bound it (4 a call); raise `ulimit -Hn`, or LimitNOFILE"
            );
        } else {
            tracing::info!(calls, "room for this many calls at a time: [media] ports bound it (4 a call)");
        }
    }
}

/// Raises the soft limit of open files to the hard one; gives what is in force then.
fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_bound_the_calls_where_they_are_few() {
        let few = Capacity { descriptors: 1024, by_ports: 2500 };
        assert_eq!((few.connections(), few.by_descriptors()), (128, (1024 - 128 - 128) / 4));
        let many = Capacity { descriptors: 1 << 20, by_ports: 2500 };
        assert_eq!(many.connections(), 4096);
        assert!(many.by_descriptors() > many.by_ports);
        assert_eq!(Capacity { descriptors: 10, by_ports: 1 }.by_descriptors(), 0);
    }

    #[test]
    fn the_settings_may_ask_for_fewer_calls_than_there_is_room_for() {
        for (descriptors, room) in [(1 << 20, 2500), (1024, (1024 - 128 - 128) / 4)] {
            let capacity = Capacity { descriptors, by_ports: 2500 };
            assert_eq!(capacity.calls(None), room);
            assert_eq!(capacity.calls(Some(100)), 100);
            assert_eq!(capacity.calls(Some(3000)), room);
        }
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let raised = raise_descriptors();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), raised);
    }
}
