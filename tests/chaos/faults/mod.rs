//! Every fault that is played, in the order of the table.

mod failover;
mod gateways;
mod kafka;
mod processes;
mod redis;
mod topics;

use crate::scenario::{Play, Scenario};
use crate::state::Place;
use futures::FutureExt;

const BASELINE: Scenario = Scenario {
    name: "none",
    fault: "none, one processor, repeats at other record times",
    times_short: 1,
    times_long: 1,
    play: Play::Shared(1, Place::Single, |scene| {
        async {
            scene.done = 1;
            Ok(())
        }
        .boxed_local()
    }),
};

/// All scenarios, in the order of the table.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = vec![BASELINE];
    all.extend(processes::SCENARIOS);
    all.extend(redis::SCENARIOS);
    all.extend(failover::SCENARIOS);
    all.extend(kafka::SCENARIOS);
    all.extend(topics::SCENARIOS);
    all.extend(gateways::SCENARIOS);
    all
}
