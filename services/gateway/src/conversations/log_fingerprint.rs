//! Positions in a conversation's log that can be recognised again.

use domain::facts::Entry;
use domain::ids::Digest;

/// A fingerprint of a log from its beginning to some position. A position alone would not do: after the store has lost
/// its last second and was filled again, the same position may stand after other entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogFingerprint(pub [u8; 8]);

impl LogFingerprint {
    /// Of the empty log.
    pub const START: Self = Self([0; 8]);

    /// Of the log with one more entry. What an entry holds is named by digests and span keys, so those are enough.
    pub fn then(self, entry: &Entry) -> Self {
        let mut bytes = Vec::with_capacity(64 + 24 * entry.spans.len() + 16 * entry.bodies.len());
        bytes.extend_from_slice(&self.0);
        for (digest, _) in &entry.bodies {
            bytes.extend_from_slice(&digest.0);
        }
        for node in &entry.nodes {
            bytes.extend_from_slice(&node.id().0);
        }
        for span in &entry.spans {
            bytes.extend_from_slice(&span.key.trace.0);
            bytes.extend_from_slice(&span.key.span.0);
            bytes.extend_from_slice(&span.end_ns.to_le_bytes());
        }
        for log in &entry.logs {
            bytes.extend_from_slice(&log.key.trace.0);
            bytes.extend_from_slice(&log.key.span.0);
            bytes.extend_from_slice(&log.time_ns.to_le_bytes());
        }
        for link in &entry.links {
            bytes.extend_from_slice(&link.key.trace.0);
            bytes.extend_from_slice(&link.key.span.0);
        }
        for earlier in &entry.times {
            bytes.extend_from_slice(&earlier.name.0);
            bytes.extend_from_slice(&earlier.record_ms.to_le_bytes());
        }
        for omitted in &entry.omitted {
            bytes.extend_from_slice(&omitted.0);
        }
        for moved in &entry.moves {
            bytes.extend_from_slice(&moved.key.trace.0);
            bytes.extend_from_slice(&moved.key.span.0);
            for (from_ms, until_ms) in &moved.during {
                bytes.extend_from_slice(&from_ms.to_le_bytes());
                bytes.extend_from_slice(&until_ms.unwrap_or(i64::MAX).to_le_bytes());
            }
        }
        let mut next = [0u8; 8];
        next.copy_from_slice(&Digest::of(&[&bytes]).0[..8]);
        Self(next)
    }
}

/// A position in a log: how many entries come before it, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    pub entries: u64,
    pub fingerprint: LogFingerprint,
}

impl Point {
    pub const START: Self = Self {
        entries: 0,
        fingerprint: LogFingerprint::START,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::facts::Move;
    use domain::ids::SpanKey;
    use domain::trace::Rank;

    #[test]
    fn a_move_tells_until_when() {
        let until = |until_ms| Entry {
            moves: vec![Move {
                key: SpanKey::default(),
                rank: Rank::default(),
                is_precaution: false,
                during: vec![(1, until_ms)],
            }],
            ..Entry::default()
        };
        let start = LogFingerprint::START;
        assert_ne!(start.then(&until(None)), start.then(&until(Some(2))));
        assert_ne!(start.then(&until(None)), start.then(&Entry::default()));
    }

    #[test]
    fn other_entries_give_other_fingerprints_and_equal_ones_the_same() {
        let some = Entry {
            omitted: vec![Digest([1; 16])],
            ..Entry::default()
        };
        let other = Entry {
            omitted: vec![Digest([2; 16])],
            ..Entry::default()
        };
        assert_eq!(
            LogFingerprint::START.then(&some),
            LogFingerprint::START.then(&some)
        );
        assert_ne!(
            LogFingerprint::START.then(&some),
            LogFingerprint::START.then(&other)
        );
        assert_ne!(
            LogFingerprint::START.then(&some).then(&other),
            LogFingerprint::START.then(&other).then(&some)
        );
    }
}
