//! Where the copies of a record stand: a cluster has one on every primary.

use std::sync::LazyLock;

const SLOTS: u16 = 16_384;
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

/// The slot of a hash tag: CRC16/XMODEM, as the Redis Cluster specification says.
fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
    }

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
