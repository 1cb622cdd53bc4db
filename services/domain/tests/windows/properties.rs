//! Finalised revisions are a function of the set of records: not of the order in which partitions are read, of batches,
//! of what is read again, or of when closing is tried.

use crate::play::Play;
use crate::records::topic;
use crate::reference::revisions;
use domain::window::OPEN_WINDOWS_MAX;
use fastrand::Rng;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_revisions_are_those_of_the_set_of_records_however_they_are_read(
        seed in any::<u64>(),
        facts_max in 1usize..12,
        span_ms in 1i64..3_000,
        mishaps in 0u8..30,
    ) {
        let mut rng = Rng::with_seed(seed);
        let topic = topic(&mut rng, facts_max, span_ms);
        let expected = revisions(&topic.concat());
        let played = Play::new(&topic, rng).played_out(mishaps);
        prop_assert_eq!(played, expected);
    }
}

#[test]
fn more_windows_than_are_kept_close_one_by_one_all_the_same() {
    let longest = (0..6).map(|seed| {
        let mut rng = Rng::with_seed(seed);
        let topic = topic(&mut rng, 250, 100_000);
        let expected = revisions(&topic.concat());
        // Nothing closes before all is read, so that all windows are open at once.
        let mut play = Play::new(&topic, rng.fork());
        play.read_all();
        assert_eq!(play.played_out(5), expected, "seed {seed}");
        expected.len()
    });
    let longest = longest.max().unwrap_or_default();
    assert!(longest > OPEN_WINDOWS_MAX + 32, "{longest} windows");
}
