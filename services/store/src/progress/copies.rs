//! Where the copies of a record stand: a cluster has one on every primary.

use crate::slots::{SLOTS, slot};
use std::sync::LazyLock;

/// Copies in a cluster, spread evenly over the slots: every primary with a run of 512 slots holds one.
const CLUSTER_COPIES: u16 = 64;
/// The tag of the only copy on a single Redis.
pub(super) const SINGLE_TAG: &str = "0";

/// A hash tag in each of [`CLUSTER_COPIES`] equal parts of the slots.
pub(super) static SPREAD_TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let width = SLOTS / CLUSTER_COPIES;
    (0..CLUSTER_COPIES)
        .filter_map(|part| {
            (0u32..)
                .map(|number| number.to_string())
                .find(|tag| slot(tag.as_bytes()) / width == part)
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_spread_evenly() {
        let mut parts: Vec<u16> = SPREAD_TAGS
            .iter()
            .map(|tag| slot(tag.as_bytes()) / 256)
            .collect();
        parts.dedup();
        assert_eq!(parts, (0..64).collect::<Vec<_>>());
    }
}
