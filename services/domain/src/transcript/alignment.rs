//! Where a history attaches: at a beginning; further down, when its head was cut off; at the last answer, when its head
//! was replaced by a summary or only its beginning was kept; or nowhere yet.
//!
//! Below, `u1` is what a user says first and `a1` what is answered. The island is `u1 a1 u2 a2`, and a call comes with:
//!
//! ```text
//! history             attaches           because
//! u1 a1 u2 a2 u3      at the root        it is whole: its first utterance begins the island
//! u2 a2 u3            below a1           its head was cut off, and from u2 it leads word for word to a2
//! S u2 a2 u3          below a1           its end leads to a2, and S is short enough to stand for u1 a1
//! u1 a2 u3            below u2           the same, and u1 is the beginning that was kept
//! u9                  nowhere            nothing it says is known: a new island
//! u3, previous r2     below a2           it names a2's response id: the API keeps the history
//! ```

use super::echoes::RUN_MAX;
use super::forest::Forest;
use super::nodes::NodeIndex;
use super::results::RESULT_DISTANCE_MAX;
use super::walk::Step;
use crate::message::Role;
use std::ops::Range;

/// Where a history attaches, and what of it does not stand there.
///
/// ```text
/// island      u1 ── a1 ── u2 ── a2 ── u3 ── a3
/// history     u1  S                u3    a3  u4       S sums up a1 u2 a2
///
/// below = a2, skipped = 2 (u1 and S), kept = 1 (u1), summaries = [S], exact = 3 (u1, u3, a3)
/// ```
#[derive(Debug, Default)]
pub(super) struct Attachment {
    /// The node under which the steps stand; `None` for a new island.
    pub(super) below: Option<NodeIndex>,
    /// Leading steps that do not stand there.
    pub(super) skipped: usize,
    /// Utterances among them that repeat the island's beginning: they were kept when what followed was left out.
    pub(super) kept: u32,
    /// Steps among them that stand for what was left out.
    pub(super) summaries: Vec<usize>,
    /// How many utterances stand where they were said, word for word.
    exact: usize,
}

impl Attachment {
    pub(super) fn at(node: NodeIndex) -> Self {
        Self {
            below: Some(node),
            ..Self::default()
        }
    }
}

/// The end of a history, matched backwards from an answer.
///
/// ```text
/// path        u1 ── a1 ── u2 ── a2 ── u3 ── a3
/// history      S                a2    u3    a3  u4
///                               └ first = 1, exact = 3, below = u2
/// ```
struct MatchedEnd {
    /// The first utterance of the history that matches.
    first: usize,
    /// How many match word for word.
    exact: usize,
    /// The node below which they match.
    below: NodeIndex,
}

/// How well a history fits from a node on; the greater, the better.
///
/// ```text
/// island      ok ── a1 ── ok ── a2            history   ok a2 u3
///             └ length 1: a1 is not a2
///                         └ length 2, exact 2, exact to the tip: here
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alignment {
    /// It leads to the answer given last, every utterance word for word, and only the user has spoken since.
    is_exact_to_tip: bool,
    /// How many utterances stand there word for word.
    exact: usize,
    is_at_root: bool,
    /// How many utterances stand there, echoes included.
    length: usize,
    candidate: NodeIndex,
}

/// Places at which a history is tried, the latest first. Only words said more often than this could stand elsewhere.
const ALIGNMENTS_MAX: usize = 64;
/// Answers that are tried as the end of a history, the latest first.
const ENDS_MAX: usize = 8;
/// Tool calls of a message, and makers of an answer, whose ids are compared: the first few tell as much as all.
const IDS_MAX: usize = 8;
/// Messages that stand for others at the head of a history: a summary, and perhaps the answer that acknowledges it.
const SUMMARIES_MAX: usize = 2;

impl<'a> Forest<'a> {
    /// Where a history attaches that shares no placed beginning.
    pub(super) fn attachment(&self, call: usize, steps: &[Step<'a>]) -> Attachment {
        let continued = self.calls[call]
            .span
            .previous_response_id
            .as_deref()
            .and_then(|response_id| self.by_response.get(response_id));
        if let Some(position) = continued {
            return Attachment::at(*position);
        }
        let last_tip = self.previous.map(|previous| previous.tip);
        let indexes: Vec<usize> = (0..steps.len())
            .filter(|index| steps[*index].is_utterance())
            .collect();
        let below = if indexes.is_empty() {
            let mut results = steps.iter().flat_map(|step| step.message.tool_results());
            results
                .find_map(|(id, ..)| self.by_tool_call.get(id?).copied())
                .or(last_tip)
        } else if self.is_cumulative {
            let utterances: Vec<&Step<'_>> = indexes.iter().map(|index| &steps[*index]).collect();
            if let Some(summarised) = self.after_a_known_summary(&utterances, &indexes) {
                return summarised;
            }
            let best = self.best_alignment(steps, &utterances);
            if let Some(gap) = self.after_a_gap(&utterances, &indexes)
                && best.is_none_or(|best| {
                    let evidence = usize::from(has_stray_results(steps, &utterances, &gap));
                    gap.exact + evidence > best.exact
                })
            {
                return gap;
            }
            best.and_then(|best| self.nodes[best.candidate].parent)
        } else {
            self.retried(call).or(last_tip)
        };
        Attachment {
            below,
            ..Attachment::default()
        }
    }

    /// For a history that begins with a summary that another one began with: where that one went on.
    fn after_a_known_summary(
        &self,
        utterances: &[&Step<'_>],
        indexes: &[usize],
    ) -> Option<Attachment> {
        let (below, count) = *self.summaries.get(&utterances[0].identity)?;
        let skipped = *indexes.get(count)?;
        Some(Attachment {
            below: Some(below),
            skipped,
            summaries: indexes[..count].to_vec(),
            ..Attachment::default()
        })
    }

    /// For a call with the history of the call before it, which failed: where that history began.
    fn retried(&self, call: usize) -> Option<NodeIndex> {
        let previous = self.previous?;
        let before = &self.calls[previous.call];
        let is_retry = before.content.output.is_empty()
            && before.span.error.is_some()
            && before.content.history == self.calls[call].content.history;
        is_retry.then_some(previous.start)
    }

    /// Where a history's first utterance stands: at the beginning of an island, or further down when the history's head
    /// was cut off. Best is where the history leads word for word to the answer given last; then where most of it stands
    /// word for word. One utterance alone proves nothing, unless it is the first or the last one.
    fn best_alignment(&self, steps: &[Step<'_>], utterances: &[&Step<'_>]) -> Option<Alignment> {
        let first = utterances.first()?;
        let latest = |nodes: Option<&'_ Vec<NodeIndex>>| -> Vec<NodeIndex> {
            let nodes = nodes.into_iter().flatten().rev();
            nodes.take(ALIGNMENTS_MAX).copied().collect()
        };
        let at_roots = latest(self.beginnings.get(&first.identity));
        let echoed = self
            .islands
            .last()
            .and_then(|island| self.child_matching(island.root, first));
        let anywhere = latest(self.by_identity.get(&first.identity));
        let candidates = at_roots.into_iter().chain(echoed).chain(anywhere);
        let results = leading_results(steps);
        let aligned = candidates.map(|candidate| self.align(candidate, &results, utterances));
        let likely = aligned.filter(|it| it.is_at_root || it.length >= 2 || it.is_exact_to_tip);
        let last_answer = utterances
            .iter()
            .rposition(|step| step.message.role == Role::Assistant);
        // Where histories were whole so far, one that may be whole is.
        let may_be_whole = |it: &Alignment| {
            let is_exact = it.exact == it.length && Some(it.length) > last_answer;
            !self.has_cut_histories && it.is_at_root && is_exact
        };
        likely.max_by_key(|it| (may_be_whole(it), *it))
    }

    /// Compares from a node on. `results` are the ids of the tool calls that the steps before it answer.
    fn align(&self, candidate: NodeIndex, results: &[&str], utterances: &[&Step<'_>]) -> Alignment {
        let last_tip = self.previous.map(|previous| previous.tip);
        let mut node = candidate;
        let mut length = 1;
        let mut is_likely = !self.is_call_of_another(node, utterances[0])
            && !results.iter().any(|id| self.is_asked_elsewhere(node, id));
        let mut exact = usize::from(is_likely && self.is_same(node, utterances[0]));
        while let Some(step) = utterances.get(length).filter(|_| Some(node) != last_tip) {
            let Some(next) = self.child_matching(node, step) else {
                break;
            };
            node = next;
            length += 1;
            // Below a call that another answer made, equal words tell of that one's path.
            is_likely &= !self.is_call_of_another(node, step);
            exact += usize::from(is_likely && self.is_same(node, step));
        }
        let is_at_root = self.nodes[candidate]
            .parent
            .is_some_and(|parent| self.nodes[parent].role.is_none());
        // After the answer given last there can only be what the user said since.
        let rest = &utterances[length..];
        let goes_on = rest.iter().all(|step| step.message.role == Role::User);
        let is_exact_to_tip = Some(node) == last_tip && exact == length && goes_on;
        Alignment {
            is_exact_to_tip,
            exact,
            is_at_root,
            length,
            candidate,
        }
    }

    fn is_same(&self, node: NodeIndex, step: &Step<'_>) -> bool {
        let node = &self.nodes[node];
        node.identity == step.identity && node.role.is_some()
    }

    /// Whether a tool was called under this id, but by none of the utterances shortly above the node.
    fn is_asked_elsewhere(&self, node: NodeIndex, id: &str) -> bool {
        self.is_of_others(id, self.path(node).skip(1).take(RESULT_DISTANCE_MAX))
    }

    /// Whether a step calls a tool under an id that an answer elsewhere gave, and this one did not, nor one of those
    /// before it that may be told in one with it. Ids that are known nowhere prove nothing: some SDKs invent them anew in
    /// each history.
    fn is_call_of_another(&self, node: NodeIndex, step: &Step<'_>) -> bool {
        let is_answer = |node: &NodeIndex| self.nodes[*node].role == Some(Role::Assistant);
        let answers = || self.path(node).take_while(is_answer).take(RUN_MAX);
        let ids = step.message.tool_calls().filter_map(|(id, ..)| id);
        ids.take(IDS_MAX).any(|id| self.is_of_others(id, answers()))
    }

    /// Whether some answer gave this id to a tool call, but none of these.
    fn is_of_others(&self, id: &str, mut these: impl Iterator<Item = NodeIndex>) -> bool {
        let given_by = self.by_tool_call.get(id);
        given_by.is_some_and(|given_by| these.all(|node| node != *given_by && !self.gave(node, id)))
    }

    /// Whether this is an id of a tool call of the answer, as some call made it or the first echo told it.
    fn gave(&self, node: NodeIndex, id: &str) -> bool {
        let node = &self.nodes[node];
        let latest = node.made_by.iter().rev().take(IDS_MAX);
        let made = latest.filter_map(|(call, choice)| {
            let output = &self.calls[*call].content.output;
            output.get(*choice)
        });
        made.chain(&node.message)
            .filter_map(|digest| self.conversation.message(digest))
            .flat_map(|message| message.tool_calls())
            .any(|(given, ..)| given == Some(id))
    }

    /// For a history whose end leads to an answer, best the latest, and whose head does not: messages in between were left
    /// out, and the head is the kept beginning, or stands for them.
    fn after_a_gap(&self, utterances: &[&Step<'_>], indexes: &[usize]) -> Option<Attachment> {
        let last_answer = utterances
            .iter()
            .rposition(|step| step.message.role == Role::Assistant)?;
        if utterances[last_answer + 1..]
            .iter()
            .any(|step| step.message.role != Role::User)
        {
            return None;
        }
        let same = self.by_identity.get(&utterances[last_answer].identity);
        let same = same.into_iter().flatten().rev().copied();
        for end in self.latest_answer().into_iter().chain(same).take(ENDS_MAX) {
            let matched = self.match_end(end, &utterances[..=last_answer]);
            if matched.first == 0 {
                // It has no gap.
                return None;
            }
            if let Some(attachment) = self.gap_before(end, &matched, utterances, indexes) {
                return Some(attachment);
            }
        }
        None
    }

    /// The answer given last that was no failure.
    fn latest_answer(&self) -> Option<NodeIndex> {
        let tip = self.previous?.tip;
        self.path(tip).find(|node| self.may_be_echoed(*node))
    }

    /// Compares from an answer back to where the history leaves the path.
    fn match_end(&self, end: NodeIndex, utterances: &[&Step<'_>]) -> MatchedEnd {
        let mut matched = MatchedEnd {
            first: utterances.len(),
            exact: 0,
            below: end,
        };
        for node in self.path(end).filter(|node| !self.nodes[*node].is_summary) {
            matched.below = node;
            let Some(step) = matched.first.checked_sub(1).map(|index| utterances[index]) else {
                break;
            };
            let known = &self.nodes[node];
            let is_exact = self.is_same(node, step) && !self.is_call_of_another(node, step);
            let is_echo = step.message.role == Role::Assistant
                && known.role == Some(Role::Assistant)
                && self.may_be_echo(node, step.message);
            if !is_exact && !is_echo {
                break;
            }
            matched.exact += usize::from(is_exact);
            matched.first -= 1;
        }
        matched
    }

    fn gap_before(
        &self,
        end: NodeIndex,
        matched: &MatchedEnd,
        utterances: &[&Step<'_>],
        indexes: &[usize],
    ) -> Option<Attachment> {
        if matched.exact == 0 {
            return None;
        }
        let (kept, summaries) = self.head_of(end, &utterances[..matched.first])?;
        // The answer and what led to it, at least, or the answer given last and what it all began with: one utterance alone
        // may be a coincidence.
        let is_latest = self.latest_answer() == Some(end);
        if matched.exact < 2 && !(is_latest && kept > 0) {
            return None;
        }
        Some(Attachment {
            below: Some(matched.below),
            skipped: indexes[matched.first],
            kept,
            summaries: summaries.map(|index| indexes[index]).collect(),
            exact: matched.exact + kept as usize,
        })
    }

    /// How much of a history's head repeats the island's beginning, and the rest of it. `None` when the rest is too much to
    /// stand for others.
    fn head_of(&self, tip: NodeIndex, head: &[&Step<'_>]) -> Option<(u32, Range<usize>)> {
        let mut node = self.islands[self.nodes[tip].island].root;
        let mut kept = 0;
        while let Some(step) = head.get(kept)
            && let Some(next) = self.child_matching(node, step)
            && self.nodes[next].identity == step.identity
        {
            node = next;
            kept += 1;
        }
        let rest = kept..head.len();
        (rest.len() <= SUMMARIES_MAX).then(|| (u32::try_from(kept).unwrap_or(u32::MAX), rest))
    }
}

/// The ids of the tool calls that are answered before the first utterance of a history.
fn leading_results<'a>(steps: &'a [Step<'_>]) -> Vec<&'a str> {
    let leading = steps.iter().take_while(|step| !step.is_utterance());
    leading
        .flat_map(|step| step.message.tool_results())
        .filter_map(|(id, ..)| id)
        .take(IDS_MAX)
        .collect()
}

/// Whether the kept head of a history is followed by results of tools that it does not call.
fn has_stray_results(steps: &[Step<'_>], utterances: &[&Step<'_>], gap: &Attachment) -> bool {
    let Some(last) = (gap.kept as usize)
        .checked_sub(1)
        .map(|index| utterances[index])
    else {
        return false;
    };
    let follows = steps[..gap.skipped]
        .iter()
        .rev()
        .take_while(|step| !step.is_utterance())
        .count();
    follows > 0 && last.message.tool_calls().next().is_none()
}
