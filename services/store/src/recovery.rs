//! When a client is given up for a new one. Pure: it is told what commands met, and at what time.
//!
//! Clients mend their connections themselves, and mostly they do. Sometimes they do not: they stay with a server that
//! has become a replica, wait for ever on a connection that is cut in the middle, or remember a cluster that has changed.
//! What helps then is what a restart would do, a new client from the configured addresses.

use crate::error::server_code;
use redis::{ErrorKind, RedisError};
use std::collections::BTreeMap;

/// How long a part of the store may give nothing but failures. A failover of a cluster or a short restart takes about as
/// long, and is got over by the client itself.
const GIVE_UP_AFTER_MS: u64 = 3_000;
/// The shortest time between two attempts to build a client; each further one waits twice as long.
const WAIT_MIN_MS: u64 = 500;
/// The longest, so that the way back is found within seconds of its being there.
const WAIT_MAX_MS: u64 = 5_000;
/// After this long without an attempt the next trouble counts as a new one, and waits are short again.
const CALM_AFTER_MS: u64 = 30_000;

/// The servers behind a client that fail together, as far as one can know: runs of slots in a cluster, everything of a
/// single Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    All,
    Slots(u16),
}

impl Part {
    /// Slots in one run: there are 64 of them, and so many parts at most.
    const SLOTS: u16 = 256;

    pub(crate) fn of(slot: Option<u16>) -> Self {
        slot.map_or(Self::All, |slot| Self::Slots(slot / Self::SLOTS))
    }
}

/// What a command met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The server answered, be it with a refusal.
    Answer,
    /// No answer, or one that says to come again.
    Failure,
    /// A server that cannot serve, and will not by waiting: a replica.
    WrongServer,
}

impl Heard {
    pub(crate) fn in_error(error: &RedisError) -> Self {
        match server_code(error).as_deref() {
            Some("READONLY") => Self::WrongServer,
            Some(
                "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK"
                | "NOREPLICAS",
            ) => Self::Failure,
            Some(_) => Self::Answer,
            None => match error.kind() {
                ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Parse => {
                    Self::Failure
                }
                _ => Self::Answer,
            },
        }
    }
}

/// Of one client at a time. Times are milliseconds of any clock that only goes forward.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    answered_ms: BTreeMap<Part, u64>,
    failing_since_ms: BTreeMap<Part, u64>,
    is_wrong_server: bool,
    is_replacing: bool,
    attempted_ms: Option<u64>,
    wait_ms: u64,
}

impl Recovery {
    /// Takes note of what a command of the present client met, which began at `began_ms`. True when someone has to begin
    /// replacing the client now; the caller is the only one who is told.
    pub(crate) fn hear(&mut self, part: Part, heard: Heard, began_ms: u64, now_ms: u64) -> bool {
        let is_given_up = match heard {
            Heard::Answer => {
                self.answered_ms.insert(part, now_ms);
                self.failing_since_ms.remove(&part);
                false
            }
            Heard::Failure => {
                let answered_ms = self.answered_ms.get(&part).copied().unwrap_or(0);
                let since_ms = began_ms.max(answered_ms);
                let since_ms = *self.failing_since_ms.entry(part).or_insert(since_ms);
                now_ms.saturating_sub(since_ms) >= GIVE_UP_AFTER_MS
            }
            Heard::WrongServer => {
                self.is_wrong_server = true;
                true
            }
        };
        let begins = is_given_up && !self.is_replacing;
        self.is_replacing |= begins;
        begins
    }

    /// Whether the way was looked for a short while ago: what happens now is more of the same.
    pub(crate) fn is_in_trouble(&self, now_ms: u64) -> bool {
        self.attempted_ms
            .is_some_and(|attempted_ms| now_ms.saturating_sub(attempted_ms) < CALM_AFTER_MS)
    }

    /// How long whoever replaces the client waits before the next attempt.
    pub(crate) fn wait_ms(&self, now_ms: u64) -> u64 {
        self.attempted_ms.map_or(0, |attempted_ms| {
            (attempted_ms + self.wait_ms).saturating_sub(now_ms)
        })
    }

    /// Whether to make the attempt. False when the client has come back by itself: replacing it is over.
    pub(crate) fn attempt(&mut self, now_ms: u64) -> bool {
        if !self.is_wrong_server && self.failing_since_ms.is_empty() {
            self.is_replacing = false;
            return false;
        }
        self.wait_ms = if self.is_in_trouble(now_ms) {
            (self.wait_ms * 2).min(WAIT_MAX_MS)
        } else {
            WAIT_MIN_MS
        };
        self.attempted_ms = Some(now_ms);
        true
    }

    /// The client is another now, of which nothing is known.
    pub(crate) fn replaced(&mut self) {
        self.answered_ms.clear();
        self.failing_since_ms.clear();
        self.is_wrong_server = false;
        self.is_replacing = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Part = Part::Slots(1);
    const OTHER: Part = Part::Slots(2);

    /// Commands that take no time.
    fn hear(recovery: &mut Recovery, part: Part, heard: Heard, now_ms: u64) -> bool {
        recovery.hear(part, heard, now_ms, now_ms)
    }

    #[test]
    fn nothing_but_failures_for_long_is_enough_and_for_short_is_not() {
        let mut recovery = Recovery::default();
        for now_ms in [1_000, 2_000, 3_999] {
            assert!(!hear(&mut recovery, ONE, Heard::Failure, now_ms));
        }
        assert!(hear(&mut recovery, ONE, Heard::Failure, 4_000));
        assert!(
            !hear(&mut recovery, ONE, Heard::Failure, 4_001),
            "one replaces it already"
        );
    }

    #[test]
    fn an_answer_begins_the_time_anew_for_its_part_only() {
        let mut recovery = Recovery::default();
        hear(&mut recovery, ONE, Heard::Failure, 0);
        hear(&mut recovery, OTHER, Heard::Failure, 0);
        hear(&mut recovery, ONE, Heard::Answer, 2_900);
        assert!(!hear(&mut recovery, ONE, Heard::Failure, 3_000));
        assert!(hear(&mut recovery, OTHER, Heard::Failure, 3_000));
    }

    #[test]
    fn a_command_that_waited_for_long_counts_from_its_beginning_or_the_last_answer() {
        let mut recovery = Recovery::default();
        assert!(recovery.hear(ONE, Heard::Failure, 1_000, 6_000));
        let mut recovery = Recovery::default();
        hear(&mut recovery, ONE, Heard::Answer, 5_000);
        assert!(!recovery.hear(ONE, Heard::Failure, 1_000, 6_000));
    }

    #[test]
    fn a_wrong_server_is_given_up_at_once_whatever_else_it_answers() {
        let mut recovery = Recovery::default();
        assert!(hear(&mut recovery, ONE, Heard::WrongServer, 10));
        hear(&mut recovery, ONE, Heard::Answer, 11);
        assert_eq!(recovery.wait_ms(11), 0);
        assert!(recovery.attempt(11));
    }

    #[test]
    fn attempts_are_never_closer_than_the_waits() {
        let mut recovery = Recovery::default();
        let (mut now_ms, mut gaps) = (0, Vec::new());
        for _ in 0..7 {
            assert!(hear(&mut recovery, ONE, Heard::WrongServer, now_ms));
            let wait_ms = recovery.wait_ms(now_ms);
            gaps.push(wait_ms);
            now_ms += wait_ms;
            assert!(recovery.attempt(now_ms));
            // The new client leads to the wrong server again.
            recovery.replaced();
        }
        assert_eq!(gaps, [0, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert!(recovery.is_in_trouble(now_ms + CALM_AFTER_MS - 1));
        now_ms += CALM_AFTER_MS;
        assert!(!recovery.is_in_trouble(now_ms));
        assert_eq!(recovery.wait_ms(now_ms), 0);
        hear(&mut recovery, ONE, Heard::WrongServer, now_ms);
        assert!(recovery.attempt(now_ms));
        assert_eq!(recovery.wait_ms(now_ms), WAIT_MIN_MS, "a new trouble");
    }

    #[test]
    fn a_client_that_came_back_is_kept() {
        let mut recovery = Recovery::default();
        assert!(recovery.hear(ONE, Heard::Failure, 0, 5_000));
        hear(&mut recovery, ONE, Heard::Answer, 5_001);
        assert!(!recovery.attempt(5_002));
        assert!(
            recovery.hear(ONE, Heard::Failure, 5_003, 9_000),
            "the next trouble is told again"
        );
    }

    #[test]
    fn errors_tell_who_spoke() {
        let io = |kind: std::io::ErrorKind| RedisError::from(std::io::Error::from(kind));
        let said = |text: &str| {
            let answer = redis::parse_redis_value(format!("-{text}\r\n").as_bytes());
            let answer = answer.expect("it is an answer");
            answer.extract_error().expect_err("it is an error")
        };
        for (error, heard) in [
            (io(std::io::ErrorKind::TimedOut), Heard::Failure),
            (io(std::io::ErrorKind::ConnectionRefused), Heard::Failure),
            (said("READONLY You can't"), Heard::WrongServer),
            (said("LOADING Redis is"), Heard::Failure),
            (said("MASTERDOWN Link with"), Heard::Failure),
            (said("NOREPLICAS Not enough"), Heard::Failure),
            (said("CLUSTERDOWN Hash slot"), Heard::Failure),
            (said("OOM command not allowed"), Heard::Answer),
            (said("MISCONF Errors writing"), Heard::Answer),
            (said("NOSCRIPT No matching"), Heard::Answer),
            (said("NOPERM this user"), Heard::Answer),
            (said("ERR syntax"), Heard::Answer),
        ] {
            assert_eq!(Heard::in_error(&error), heard, "{error}");
        }
    }
}
