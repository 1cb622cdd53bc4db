//! Which node a message of a history stands at: the same words under the same predecessor, or an inexact repetition of an
//! answer. SDKs trim, cut, split and join what they repeat, and leave out what they cannot say.
//!
//! ```text
//! stands there        comes back as             rule
//! "it rains"          "it rains"                the same identity, by a hash
//! "it rains today"    "it ra" + mark of a cut   cut short
//! "look" + tool call  "look", tool call         a run: two messages that are one answer
//! tool call ── "4"    tool call + "4"           answers in one: their results between were left out
//! tool call + text    tool call                 an echo: it calls the same tools
//! u1 ── a1            u1, then u2               a1 was left out: u2 stands below it
//! ```

use super::forest::Forest;
use super::nodes::NodeIndex;
use super::walk::Step;
use crate::message::{Message, Role};
use crate::normalise::CUT_MARK;

/// Longest run of assistant messages that is tried as one answer.
pub(super) const RUN_MAX: usize = 8;

impl Forest<'_> {
    /// Where a user's message stands whose history left out the answer before it: after that answer. A user's message is
    /// no alternative to an answer.
    pub(super) fn past_omitted_answer(&self, position: NodeIndex, step: &Step<'_>) -> NodeIndex {
        if step.message.role != Role::User || self.child_matching(position, step).is_some() {
            return position;
        }
        let answer = self.siblings.latest_answers(position).next();
        answer.unwrap_or(position)
    }

    /// Where the result of a tool stands whose history left out, or told as empty, the answer that called it: after that
    /// answer. Not where the history goes on beside it: then the answer stands behind its results (Google GenAI, which
    /// calls functions by itself).
    pub(super) fn past_omitted_call(&self, position: NodeIndex, steps: &[Step<'_>]) -> NodeIndex {
        let calls = |node: NodeIndex| {
            let message = self.nodes[node].message;
            let message = message.and_then(|digest| self.conversation.message(&digest));
            message.is_some_and(|message| message.tool_calls().next().is_some())
        };
        if calls(position) {
            return position;
        }
        let results = steps[0].message.tool_results();
        let may_answer = |node: &NodeIndex| {
            let Some(message) = self.nodes[*node].message else {
                return false;
            };
            let asked = self.conversation.message(&message);
            let mut asked = asked.into_iter().flat_map(|message| message.tool_calls());
            asked.any(|(asked_id, asked_name, _)| {
                let mut results = results.clone();
                results.any(|(id, name, _)| match (id, asked_id) {
                    (Some(id), Some(asked_id)) => id == asked_id,
                    _ => name.is_none_or(|name| name == asked_name),
                })
            })
        };
        let mut answers = self.siblings.latest_answers(position);
        let Some(answer) = answers.find(may_answer) else {
            return position;
        };
        let next = steps.iter().position(Step::is_utterance);
        let goes_on_beside =
            next.is_some_and(|next| self.child_matching(position, &steps[next]).is_some());
        if goes_on_beside { position } else { answer }
    }

    /// An answer whose text was not captured learns it from its echo.
    pub(super) fn learn(&mut self, node: NodeIndex, step: &Step<'_>) {
        if self.nodes[node].message.is_none() {
            self.nodes[node].message = Some(step.digest);
            let own = std::mem::replace(&mut self.nodes[node].identity, step.identity);
            if let Some(parent) = self.nodes[node].parent {
                self.siblings.rename(parent, own, step.identity, node);
            }
            self.by_identity
                .entry(step.identity)
                .or_default()
                .push(node);
        }
    }

    /// The child that the next steps tell of, and how many of them: some SDKs echo one answer as several messages (its
    /// text, then its tool calls).
    pub(super) fn run_matching(
        &self,
        position: NodeIndex,
        steps: &[Step<'_>],
    ) -> Option<(NodeIndex, usize)> {
        let answers = steps
            .iter()
            .take_while(|step| step.message.role == Role::Assistant)
            .count();
        for taken in (2..=answers.min(RUN_MAX)).rev() {
            let parts = steps[..taken]
                .iter()
                .flat_map(|step| step.message.parts.iter().cloned())
                .collect();
            let whole = Message {
                role: Role::Assistant,
                parts,
            }
            .identity();
            if let Some(same) = self.siblings.same(position, whole) {
                return Some((same.latest, taken));
            }
        }
        self.child_matching(position, &steps[0])
            .map(|child| (child, 1))
    }

    /// The child that a step stands at, past summaries: they are not told where they stand.
    pub(super) fn child_matching(&self, position: NodeIndex, step: &Step<'_>) -> Option<NodeIndex> {
        self.direct_child_matching(position, step).or_else(|| {
            let mut summaries = self.siblings.latest_summaries(position);
            summaries.find_map(|summary| self.child_matching(summary, step))
        })
    }

    fn direct_child_matching(&self, position: NodeIndex, step: &Step<'_>) -> Option<NodeIndex> {
        let same = self.siblings.same(position, step.identity);
        let same = same
            .map(|same| same.latest)
            .or_else(|| self.child_cut_short(position, step));
        if same.is_some() || step.message.role != Role::Assistant {
            return same;
        }
        if let Some(last) = self.answers_in_one(position, step) {
            return Some(last);
        }
        // An assistant message that no call made, standing where a made one stands, is its echo. Of several, the one
        // it resembles most; of equals, the latest.
        let made = self
            .siblings
            .latest_answers(position)
            .filter(|child| self.may_be_echo(*child, step.message));
        made.max_by_key(|child| (self.resemblance(*child, step.message), *child))
    }

    /// The child whose beginning is all that an SDK with a limit on lengths tells of it.
    fn child_cut_short(&self, position: NodeIndex, step: &Step<'_>) -> Option<NodeIndex> {
        let beginning = cut_short(step.message)?;
        let children = self.nodes[position].children.iter().rev().copied();
        self.siblings
            .compared(children)
            .filter(|child| self.nodes[*child].role == Some(step.message.role))
            .find(|child| {
                let known = self.nodes[*child]
                    .message
                    .and_then(|digest| self.conversation.message(&digest));
                let text = known.and_then(|known| known.text());
                text.is_some_and(|text| text.trim().starts_with(&beginning))
            })
    }

    /// Where a call stands whose history was cut at its end: after what is known to follow.
    pub(super) fn after_cut_end(&self, end: NodeIndex) -> NodeIndex {
        let tip = self.islands[self.nodes[end].island].tip;
        if self.path(tip).any(|node| node == end) {
            tip
        } else {
            end
        }
    }

    /// The last of several answers, one under the other, that a history tells as one message: the results between them were
    /// left out.
    fn answers_in_one(&self, position: NodeIndex, step: &Step<'_>) -> Option<NodeIndex> {
        let mut parts = Vec::new();
        let mut last = position;
        for answers in 1..=RUN_MAX {
            last = self.siblings.latest_answers(last).next()?;
            let message = self.conversation.message(&self.nodes[last].message?)?;
            parts.extend(message.parts.iter().cloned());
            if parts.len() > step.message.parts.len() + RUN_MAX {
                return None;
            }
            let whole = Message {
                role: Role::Assistant,
                parts: parts.clone(),
            };
            if answers > 1 && whole.identity() == step.identity {
                return Some(last);
            }
        }
        None
    }

    /// An answer made by a call, and not a failure.
    pub(super) fn may_be_echoed(&self, node: NodeIndex) -> bool {
        let node = &self.nodes[node];
        node.made_by
            .iter()
            .any(|(call, _)| node.message.is_some() || self.calls[*call].span.error.is_none())
    }

    /// Whether an assistant message may repeat this answer, inexactly: it calls the same tools or says the same, as far as
    /// it tells either.
    pub(super) fn may_be_echo(&self, node: NodeIndex, message: &Message) -> bool {
        if !self.may_be_echoed(node) {
            return false;
        }
        let known = self.nodes[node]
            .message
            .and_then(|digest| self.conversation.message(&digest));
        let tools = |message: &Message| -> Vec<String> {
            message
                .tool_calls()
                .map(|(_, name, _)| name.to_owned())
                .collect()
        };
        let text = |message: &Message| message.text().map(|text| text.trim().to_owned());
        known.is_none_or(|known| {
            let says_nothing = message.parts.is_empty();
            let says_the_same = text(message).is_some() && text(message) == text(known);
            tools(message) == tools(known) || says_the_same || says_nothing
        })
    }

    /// How many leading bytes two answers share, tool names counting as text.
    fn resemblance(&self, node: NodeIndex, message: &Message) -> usize {
        let words = |message: &Message| {
            let names: Vec<&str> = message.tool_calls().map(|(_, name, _)| name).collect();
            format!(
                "{}{}",
                message.text().unwrap_or_default().trim(),
                names.join(" ")
            )
        };
        let known = self.nodes[node]
            .message
            .and_then(|digest| self.conversation.message(&digest));
        let echo = words(message);
        known.map_or(0, |known| {
            words(known)
                .bytes()
                .zip(echo.bytes())
                .take_while(|(a, b)| a == b)
                .count()
        })
    }
}

/// What is left of a message whose end an SDK cut off.
pub(super) fn cut_short(message: &Message) -> Option<String> {
    let text = message.text()?;
    let beginning = text.trim_end().strip_suffix(CUT_MARK)?;
    Some(beginning.trim().to_owned())
}
