//! A conversation as it was: what a window closed over.

use crate::conversation::Conversation;
use crate::facts::Move;
use crate::ids::SpanKey;
use crate::window::Closed;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Conversation {
    /// Without the facts that stand here no more, and with the errors that were told beside their spans: what is shown.
    pub fn present(&self) -> Cow<'_, Self> {
        match self.standing() {
            Cow::Borrowed(standing) => standing.with_reported_errors(),
            Cow::Owned(standing) => match standing.with_reported_errors() {
                Cow::Borrowed(_) => Cow::Owned(standing),
                Cow::Owned(told) => Cow::Owned(told),
            },
        }
    }

    fn standing(&self) -> Cow<'_, Self> {
        let mut present = self.without(&|moved| !moved.is_here());
        if let Cow::Owned(present) = &mut present {
            present.moves.retain(|_, moved| moved.is_here());
        }
        present
    }

    /// Whether [`Conversation::closed_over`] a window with this last record is empty: what had come by then stood elsewhere
    /// again.
    pub(crate) fn was_empty(&self, last_ms: i64) -> bool {
        let is_away = |key: &SpanKey| {
            let moved = self.moves.get(key);
            moved.is_some_and(|moved| !moved.was_here(last_ms))
        };
        let stood = |key: &SpanKey, lacks_id: bool, record_ms: i64| {
            record_ms <= last_ms && !(lacks_id && is_away(key))
        };
        let earlier = self.earlier_spans.values().flatten();
        let mut spans = self.spans.values().chain(earlier);
        let mut logs = self.logs.values().flat_map(BTreeMap::values);
        !spans.any(|span| stood(&span.key, span.lacks_id, span.record_ms))
            && !logs.any(|log| stood(&log.key, log.lacks_id, log.record_ms))
    }

    /// Without the facts of spans that are away, but for those that carry the conversation's id themselves.
    fn without(&self, is_away: &dyn Fn(&Move) -> bool) -> Cow<'_, Self> {
        let away = self.moves.iter().filter(|(_, moved)| is_away(moved));
        let away: Vec<&SpanKey> = away.map(|(key, _)| key).collect();
        if away.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut rest = self.clone();
        for key in away {
            rest.earlier_spans.remove(key);
            rest.spans.remove(key);
            let mut versions: Vec<_> = self.versions(key).filter(|span| !span.lacks_id).collect();
            if let Some(best) = versions.pop() {
                rest.spans.insert(*key, Arc::clone(best));
            }
            if !versions.is_empty() {
                let versions = versions.into_iter().cloned().collect();
                rest.earlier_spans.insert(*key, versions);
            }
            if let Some(logs) = rest.logs.get_mut(key) {
                logs.retain(|_, log| !log.lacks_id);
                if logs.is_empty() {
                    rest.logs.remove(key);
                }
            }
        }
        Cow::Owned(rest)
    }

    /// The conversation that a window closed over: what was recorded up to its end. Whatever came later does not show, so
    /// that a revision has one content whenever it is given out.
    ///
    /// Links say how facts belong together and come after them as a rule, since a span ends after its children. They are
    /// no activity, and those recorded before the closing count.
    pub fn closed_over(&self, closed: &Closed) -> Self {
        let last_ms = closed.last_ms;
        let was_here = |moved: &Move| moved.was_here(last_ms);
        let known = self.without(&|moved| !was_here(moved));
        let mut past = known.clone().into_owned();
        past.moves.clear();
        past.earlier_spans.clear();
        past.spans.retain(|key, best| {
            let mut versions: Vec<_> = known
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
            let mut steps: Vec<_> = known
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
