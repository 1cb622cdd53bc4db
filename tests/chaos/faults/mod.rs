//! Every fault that is played, in the order of the table.

mod processes;
mod redis;

use crate::scenario::Scenario;

const BASELINE: Scenario = Scenario {
    name: "none",
    fault: "none, one processor, repeats at other record times",
    processors: 1,
    times_short: 1,
    times_long: 1,
    play: |scene| {
        Box::pin(async {
            scene.done = 1;
            Ok(())
        })
    },
};

/// All scenarios, in the order of the table.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = vec![BASELINE];
    all.extend(processes::SCENARIOS);
    all.extend(redis::SCENARIOS);
    all
}
