//! Parties that act by themselves, all at once.

use std::net::SocketAddr;
use std::time::Duration;

use super::robot::Robot;
use super::text::Text;
use super::world::World;

impl World {
    /// Lets a crowd act for a time. `newcomer` is asked for the one behind an INVITE outside any dialog.
    pub fn run(
        &self,
        crowd: &mut Vec<Robot>,
        time: Duration,
        newcomer: impl Fn(&Self, &Text) -> Option<Robot>,
    ) {
        let until = self.get().now + time;
        loop {
            let wake = crowd.iter().filter_map(Robot::deadline).min();
            let next = [self.get().next(), wake].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            if wake == Some(at) {
                self.edit().now = at;
                crowd.iter_mut().for_each(|robot| robot.wake(at));
            } else {
                self.edit().step(at);
            }
            for (to, text) in self.take_all() {
                match crowd.iter_mut().find(|robot| robot.leg.is_addressed(to, &text)) {
                    Some(robot) => robot.receive(at, &text),
                    None => crowd.extend(newcomer(self, &text)),
                }
            }
        }
        self.edit().now = until;
    }

    fn take_all(&self) -> Vec<(SocketAddr, Text)> {
        let mut inner = self.edit();
        let came = inner.inboxes.iter_mut().flat_map(|(at, inbox)| inbox.drain(..).map(|text| (*at, text)));
        came.collect()
    }
}
