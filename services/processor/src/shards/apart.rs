//! Conversations, or traces, that the store does not take, whatever is tried. They are left alone for a while each, so that
//! the others go on.
//!
//! ```text
//! cannot be written:              set apart 1 s, 2 s, 4 s … a minute; what comes meanwhile is given up (a dead letter)
//! written by a newer version:     waits 1 s, 2 s, 4 s … a minute, and longer than NEWER_WAITED_FOR is given up too
//! ```

use super::sifting::Trouble;
use domain::ids::Digest;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::Remedy;
use tokio::time::Instant;

const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A deployment is over by then, or it was rolled back and the newer version does not come. Records wait in flight so
/// long, and hold back the offsets of their partitions.
pub(crate) const NEWER_WAITED_FOR: Duration = Duration::from_secs(120);
/// One for which nothing was tried for so long after its pause is forgotten: nobody waits for it, nor shall an alarm.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Conversations remembered at once. Beyond it one is forgotten and tried again.
const APART_MAX: usize = 10_000;

/// What becomes of work for a conversation that is set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It waits until then.
    WaitUntil(Instant),
    GiveUp,
}

/// Which conversations are set apart.
#[derive(Debug, Default)]
pub(crate) struct Apart(HashMap<Digest, Known>);

#[derive(Clone, Debug)]
struct Known {
    remedy: Remedy,
    cause: Arc<str>,
    since: Instant,
    until: Instant,
    pause: Duration,
}

impl Known {
    fn verdict(&self, now: Instant) -> Verdict {
        let is_waited_for = self.remedy == Remedy::Upgrade && now < self.since + NEWER_WAITED_FOR;
        if is_waited_for {
            Verdict::WaitUntil(self.until)
        } else {
            Verdict::GiveUp
        }
    }
}

impl Apart {
    /// What becomes of work for the conversation; `None` when it may be tried.
    pub(crate) fn verdict(&self, conversation: &Digest, now: Instant) -> Option<Verdict> {
        let known = self.0.get(conversation)?;
        (now < known.until).then(|| known.verdict(now))
    }

    /// What was wrong with it when it was tried last.
    pub(crate) fn trouble(&self, conversation: &Digest) -> Option<Trouble> {
        let known = self.0.get(conversation)?;
        Some(Trouble {
            remedy: known.remedy,
            cause: known.cause.to_string(),
        })
    }

    /// When it may be tried.
    pub(crate) fn until(&self, conversation: &Digest) -> Option<Instant> {
        Some(self.0.get(conversation)?.until)
    }

    /// Sets it apart, longer each time.
    pub(crate) fn failed(
        &mut self,
        conversation: Digest,
        trouble: &Trouble,
        now: Instant,
    ) -> Verdict {
        let known = self.0.get(&conversation);
        let known = known.filter(|known| known.remedy == trouble.remedy);
        let pause = known.map_or(PAUSE_MIN, |known| (known.pause * 2).min(PAUSE_MAX));
        let failed = Known {
            remedy: trouble.remedy,
            cause: trouble.cause.as_str().into(),
            since: known.map_or(now, |known| known.since),
            until: now + pause,
            pause,
        };
        let verdict = failed.verdict(now);
        if !self.0.contains_key(&conversation) && self.0.len() >= APART_MAX {
            // Whichever: it fails again if it must.
            let forgotten = self.0.keys().next().copied();
            forgotten.map(|forgotten| self.0.remove(&forgotten));
        }
        self.0.insert(conversation, failed);
        verdict
    }

    /// It was written. True when that is news.
    pub(crate) fn works(&mut self, conversation: &Digest) -> bool {
        self.0.remove(conversation).is_some()
    }

    /// Forgets those for which nothing was tried for long.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.0
            .retain(|_, known| now < known.until + FORGOTTEN_AFTER);
    }

    /// When there is something to forget.
    pub(crate) fn forgets_at(&self) -> Option<Instant> {
        let ends = self.0.values().map(|known| known.until + FORGOTTEN_AFTER);
        ends.min()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn trouble(remedy: Remedy) -> Trouble {
        Trouble {
            remedy,
            cause: "it is so".to_owned(),
        }
    }

    fn digest(n: usize) -> Digest {
        Digest::of(&[n.to_string().as_bytes()])
    }

    #[test]
    fn what_cannot_be_written_is_given_up_and_tried_again_ever_more_seldom() {
        let mut apart = Apart::default();
        let mut now = Instant::now();
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(apart.verdict(&digest(0), now), None, "it may be tried");
            assert_eq!(
                apart.failed(digest(0), &trouble(Remedy::SetApart), now),
                Verdict::GiveUp
            );
            let just_before = now + S * pause - S / 2;
            assert_eq!(
                apart.verdict(&digest(0), just_before),
                Some(Verdict::GiveUp)
            );
            assert_eq!(apart.verdict(&digest(1), just_before), None, "others go on");
            now += S * pause;
        }
        assert!(apart.works(&digest(0)) && !apart.works(&digest(0)));
        assert_eq!(apart.count(), 0);
    }

    #[test]
    fn what_a_newer_version_has_written_is_waited_for_and_not_for_ever() {
        let mut apart = Apart::default();
        let begin = Instant::now();
        let mut now = begin;
        while now < begin + NEWER_WAITED_FOR {
            let verdict = apart.failed(digest(0), &trouble(Remedy::Upgrade), now);
            let Verdict::WaitUntil(until) = verdict else {
                panic!("given up after {:?}", now - begin);
            };
            assert_eq!(apart.verdict(&digest(0), now), Some(verdict));
            now = until;
        }
        assert_eq!(
            apart.failed(digest(0), &trouble(Remedy::Upgrade), now),
            Verdict::GiveUp
        );
        // The newer version is back, and gone again much later.
        assert!(apart.works(&digest(0)));
        let verdict = apart.failed(digest(0), &trouble(Remedy::Upgrade), now + S);
        assert_eq!(verdict, Verdict::WaitUntil(now + 2 * S));
    }

    #[test]
    fn one_that_nobody_tries_is_forgotten() {
        let mut apart = Apart::default();
        let now = Instant::now();
        apart.failed(digest(0), &trouble(Remedy::SetApart), now);
        let end = apart.forgets_at().expect("it is remembered");
        apart.forget(end - S);
        assert_eq!(apart.count(), 1);
        apart.forget(end);
        assert_eq!((apart.count(), apart.forgets_at()), (0, None));
    }

    #[test]
    fn no_more_are_remembered_than_the_bound() {
        let mut apart = Apart::default();
        let now = Instant::now();
        for n in 0..APART_MAX + 10 {
            apart.failed(digest(n), &trouble(Remedy::SetApart), now);
        }
        assert_eq!(apart.count(), APART_MAX);
        assert_eq!(
            apart.verdict(&digest(APART_MAX + 9), now),
            Some(Verdict::GiveUp)
        );
    }
}
