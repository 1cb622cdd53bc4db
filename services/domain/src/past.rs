//! A conversation as it was: what a window closed over.

use crate::conversation::Conversation;
use crate::window::Closed;

impl Conversation {
    /// The conversation that a window closed over: what was recorded up to its end. Whatever came later does not show, so
    /// that a revision has one content whenever it is given out.
    ///
    /// Links say how facts belong together and come after them as a rule, since a span ends after its children. They are
    /// no activity, and those recorded before the closing count.
    pub fn closed_over(&self, closed: &Closed) -> Self {
        let last_ms = closed.last_ms;
        let mut past = self.clone();
        past.earlier_spans.clear();
        past.spans.retain(|key, best| {
            let mut versions: Vec<_> = self
                .versions(key)
                .filter(|span| span.record_ms <= last_ms)
                .cloned()
                .collect();
            let Some(believed) = versions.pop() else {
                return false;
            };
            *best = believed;
            if !versions.is_empty() {
                past.earlier_spans.insert(*key, versions);
            }
            true
        });
        past.logs.retain(|_, logs| {
            logs.retain(|_, log| log.record_ms <= last_ms);
            !logs.is_empty()
        });
        past.earlier_links.clear();
        past.links.retain(|key, best| {
            let mut steps: Vec<_> = self
                .link_steps(key)
                .filter(|step| step.record_ms < closed.closed_at_ms)
                .collect();
            let Some(believed) = steps.pop() else {
                return false;
            };
            *best = believed;
            if !steps.is_empty() {
                past.earlier_links.insert(*key, steps);
            }
            true
        });
        past.omitted.retain(|_, record_ms| *record_ms <= last_ms);
        past
    }
}
