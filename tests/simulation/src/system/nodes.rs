//! The model of the store: nodes that hold conversations, a copy of the record of progress each, and the index of what is
//! due; each can fall back to an earlier moment of its history. Every function here is one script on one node.

use domain::facts::Entry;
use domain::ids::{Digest, SpanKey};
use domain::trace::TraceEntry;
use processor::out::dead_letters::breaker::Pause;
use processor::source::TopicPartition;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use store::{Commit, Epoch, PartitionProgress, Snapshot, Summary, TraceHead};

/// No loss reaches further back than this: well below the margin by which partitions are read again.
pub const LOSS_MS_MAX: i64 = 10_000;
/// States of a node that are kept for losses.
const HISTORY_MAX: usize = 60;
/// The node of the index of what is due.
pub const DUE_NODE: usize = 0;

/// What is stored of one conversation.
#[derive(Clone, Debug)]
pub struct Stored {
    pub summary: Summary,
    pub log: Vec<Arc<str>>,
    /// Spans in the log, each with the end that its report names.
    pub spans: BTreeSet<(SpanKey, i64)>,
}

/// What is stored of one trace.
#[derive(Clone, Debug)]
pub struct StoredTrace {
    pub head: TraceHead,
    pub log: Vec<Arc<str>>,
    /// Spans without an id that were ever in the log.
    pub spans: BTreeSet<SpanKey>,
}

/// By topic and partition.
pub type Partitions = BTreeMap<(String, i32), PartitionProgress>;

/// A copy of the record of progress.
#[derive(Clone, Debug)]
pub struct Copy {
    pub epoch: String,
    identity: u64,
    owners: BTreeMap<(String, i32), String>,
    pub partitions: Partitions,
}

/// What a node holds.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pub conversations: BTreeMap<usize, Arc<Stored>>,
    pub traces: BTreeMap<usize, Arc<StoredTrace>>,
    pub copy: Option<Arc<Copy>>,
    pub due: Arc<BTreeMap<usize, i64>>,
    /// When entries of it were corrected.
    pub settled: Arc<BTreeMap<usize, i64>>,
    /// The partitions that are paused.
    pub pauses: Arc<BTreeMap<TopicPartition, Pause>>,
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub held: Held,
    identity: u64,
    /// With the time of writing, oldest first.
    history: VecDeque<(i64, Held)>,
}

#[derive(Clone, Debug)]
pub struct Nodes {
    pub nodes: Vec<Node>,
    /// Epochs by the names in the copies.
    epochs: Vec<(Epoch, Vec<String>)>,
    /// How often something was lost: identities and names are made of it.
    pub losses: u64,
    named: u64,
    pub is_loss_unnoticed: bool,
    /// See [`super::plan::Plan::unwritable`].
    unwritable: BTreeSet<(String, SpanKey)>,
}

/// Why a commit is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The log would not fit the summary.
    Unfit,
    /// The entry cannot be written.
    Unwritable,
}

impl Nodes {
    pub fn new(
        count: usize,
        is_loss_unnoticed: bool,
        unwritable: BTreeSet<(String, SpanKey)>,
    ) -> Self {
        Self {
            nodes: vec![Node::default(); count],
            epochs: Vec::new(),
            losses: 0,
            named: 0,
            is_loss_unnoticed,
            unwritable,
        }
    }

    pub fn node_of(&self, conversation: usize) -> usize {
        conversation % self.nodes.len()
    }

    pub fn stored(&self, conversation: usize) -> Option<&Arc<Stored>> {
        self.nodes[self.node_of(conversation)]
            .held
            .conversations
            .get(&conversation)
    }

    pub fn stored_trace(&self, number: usize) -> Option<&Arc<StoredTrace>> {
        self.nodes[self.node_of(number)].held.traces.get(&number)
    }

    pub fn new_name(&mut self) -> String {
        self.named += 1;
        format!("e{}", self.named)
    }

    pub fn epoch(&mut self, names: Vec<String>) -> Epoch {
        if let Some((epoch, _)) = self.epochs.iter().find(|(_, known)| *known == names) {
            return epoch.clone();
        }
        let epoch = Epoch::named(&names.join("+"));
        self.epochs.push((epoch.clone(), names));
        epoch
    }

    fn name_in_copy(&self, epoch: &Epoch, node: usize) -> &str {
        let known = self.epochs.iter().find(|(known, _)| known == epoch);
        known.map_or("", |(_, names)| names[node].as_str())
    }

    /// Notes what a node holds after a write.
    pub(super) fn wrote(&mut self, node: usize, now_ms: i64) {
        let node = &mut self.nodes[node];
        node.history.push_back((now_ms, node.held.clone()));
        if node.history.len() > HISTORY_MAX {
            node.history.pop_front();
        }
    }

    /// The node starts again, or another takes its place, without the last `writes` writes, as far as these are young.
    pub fn lose(&mut self, node: usize, writes: usize, now_ms: i64) -> usize {
        self.losses += 1;
        let (losses, is_unnoticed) = (self.losses, self.is_loss_unnoticed);
        let node = &mut self.nodes[node];
        let mut lost = 0;
        while lost < writes
            && node.history.len() > 1
            && node
                .history
                .back()
                .is_some_and(|(at_ms, _)| now_ms - at_ms < LOSS_MS_MAX)
        {
            node.history.pop_back();
            lost += 1;
        }
        if let Some((_, held)) = node.history.back() {
            node.held = held.clone();
        }
        if !is_unnoticed {
            node.identity = losses;
        }
        lost
    }

    /// The node is emptied and runs on.
    pub fn wipe(&mut self, node: usize, now_ms: i64) {
        self.losses += 1;
        let is_unnoticed = self.is_loss_unnoticed;
        let node_held = &mut self.nodes[node];
        let copy = node_held.held.copy.take().filter(|_| is_unnoticed);
        node_held.held = Held {
            copy,
            ..Held::default()
        };
        node_held.history.clear();
        self.wrote(node, now_ms);
    }

    /// With its log from a position on.
    pub fn load(&self, conversation: usize, from_entry: u64) -> Option<Snapshot> {
        let stored = self.stored(conversation)?;
        let read = |text: &Arc<str>| -> Entry {
            serde_json::from_str(text).expect("what was written is read")
        };
        Some(Snapshot {
            summary: stored.summary.clone(),
            entries: stored
                .log
                .iter()
                .skip(from_entry as usize)
                .map(read)
                .collect(),
        })
    }

    pub fn commit(
        &mut self,
        conversation: usize,
        summary: &Summary,
        entry: Option<&Entry>,
        now_ms: i64,
    ) -> Result<Commit, Refusal> {
        let project = &summary.key.project;
        let spans = entry.iter().flat_map(|entry| &entry.spans);
        let mut named = spans.map(|span| (project.clone(), span.key));
        if named.any(|named| self.unwritable.contains(&named)) {
            return Err(Refusal::Unwritable);
        }
        let stored = self.stored(conversation).cloned();
        let (version, token) = stored.as_ref().map_or((0, 0), |stored| {
            (stored.summary.version, stored.summary.token)
        });
        if (version, token) != (summary.version - 1, summary.token) {
            return Ok(Commit::Conflict { version });
        }
        let mut log = stored
            .as_ref()
            .map_or_else(Vec::new, |stored| stored.log.clone());
        let mut spans = stored.map_or_else(BTreeSet::new, |stored| stored.spans.clone());
        let mut text = String::new();
        if let Some(entry) = entry {
            text = serde_json::to_string(entry).expect("entries serialise");
            log.push(text.as_str().into());
            spans.extend(entry.spans.iter().map(|span| (span.key, span.end_ns)));
        }
        if log.len() as u64 != summary.entries {
            return Err(Refusal::Unfit);
        }
        let windows = serde_json::to_string(&(&summary.windows, summary.published_revision));
        let windows = windows.expect("windows serialise");
        let token = token_of(summary.token, summary.version, &[&windows, &text]);
        let summary = Summary {
            token,
            ..summary.clone()
        };
        let node = self.node_of(conversation);
        let stored = Arc::new(Stored {
            summary,
            log,
            spans,
        });
        self.nodes[node]
            .held
            .conversations
            .insert(conversation, stored);
        self.wrote(node, now_ms);
        Ok(Commit::Done { token })
    }

    pub fn load_trace(&self, number: usize) -> Option<store::StoredTrace> {
        let stored = self.stored_trace(number)?;
        let read = |text: &Arc<str>| -> TraceEntry {
            serde_json::from_str(text).expect("what was written is read")
        };
        Some(store::StoredTrace {
            head: stored.head.clone(),
            entries: stored.log.iter().map(read).collect(),
        })
    }

    pub fn commit_trace(
        &mut self,
        number: usize,
        head: &TraceHead,
        entry: &TraceEntry,
        is_anew: bool,
        now_ms: i64,
    ) -> Commit {
        let stored = self.stored_trace(number).map(|stored| (**stored).clone());
        let known = stored.as_ref().map(|stored| &stored.head);
        let (version, token) = known.map_or((0, 0), |known| (known.version, known.token));
        if (version, token) != (head.version, head.token) {
            return Commit::Conflict { version };
        }
        let (mut log, mut spans) =
            stored.map_or_else(Default::default, |stored| (stored.log, stored.spans));
        if is_anew {
            log.clear();
        }
        let text = serde_json::to_string(entry).expect("entries serialise");
        log.push(text.as_str().into());
        spans.extend(entry.facts.spans.iter().map(|span| span.key));
        let token = token_of(
            head.token,
            head.version + 1,
            &[&format!("{:?}", head.due_ms), &text],
        );
        let head = TraceHead {
            version: version + 1,
            token,
            entries: log.len() as u64,
            ..head.clone()
        };
        let node = self.node_of(number);
        let stored = Arc::new(StoredTrace { head, log, spans });
        self.nodes[node].held.traces.insert(number, stored);
        self.wrote(node, now_ms);
        Commit::Done { token }
    }

    pub fn remove(&mut self, conversation: usize, now_ms: i64) {
        let node = self.node_of(conversation);
        self.nodes[node].held.conversations.remove(&conversation);
        self.nodes[node].held.traces.remove(&conversation);
        self.wrote(node, now_ms);
    }

    /// The copy's epoch, whether it is intact, what it holds.
    pub fn look(&mut self, node: usize, name: &str, now_ms: i64) -> (String, bool, Partitions) {
        let identity = self.nodes[node].identity;
        if self.nodes[node].held.copy.is_none() {
            self.nodes[node].held.copy = Some(Arc::new(Copy {
                epoch: name.to_owned(),
                identity,
                owners: BTreeMap::new(),
                partitions: Partitions::new(),
            }));
            self.wrote(node, now_ms);
        }
        let copy = self.nodes[node].held.copy.as_ref().expect("it has one now");
        (
            copy.epoch.clone(),
            copy.identity == identity,
            copy.partitions.clone(),
        )
    }

    pub fn begin_epoch(
        &mut self,
        node: usize,
        old: &Epoch,
        name: &str,
        partitions: &[PartitionProgress],
        now_ms: i64,
    ) {
        let identity = self.nodes[node].identity;
        let current = self.nodes[node]
            .held
            .copy
            .as_ref()
            .map(|copy| copy.epoch.as_str());
        if current != Some(self.name_in_copy(old, node)) {
            return;
        }
        let known = partitions.iter().filter(|known| !known.points.is_empty());
        let known = known.map(|known| ((known.topic.clone(), known.partition), known.clone()));
        self.nodes[node].held.copy = Some(Arc::new(Copy {
            epoch: name.to_owned(),
            identity,
            owners: BTreeMap::new(),
            partitions: known.collect(),
        }));
        self.wrote(node, now_ms);
    }

    pub fn is_current(&self, node: usize, epoch: &Epoch) -> bool {
        let name = self.name_in_copy(epoch, node);
        let copy = self.nodes[node].held.copy.as_ref();
        copy.is_some_and(|copy| copy.epoch == name && copy.identity == self.nodes[node].identity)
    }

    fn change(&mut self, node: usize, now_ms: i64, change: impl FnOnce(&mut Copy)) {
        if let Some(copy) = &mut self.nodes[node].held.copy {
            change(Arc::make_mut(copy));
        }
        self.wrote(node, now_ms);
    }

    pub fn claim(
        &mut self,
        node: usize,
        epoch: &Epoch,
        owner: &str,
        partitions: &[(String, i32)],
        now_ms: i64,
    ) -> bool {
        let is_current = self.is_current(node, epoch);
        if is_current {
            self.change(node, now_ms, |copy| {
                let owned = partitions
                    .iter()
                    .map(|name| (name.clone(), owner.to_owned()));
                copy.owners.extend(owned);
            });
        }
        is_current
    }

    /// The partitions that are another's; `None` when the epoch is over.
    pub fn save(
        &mut self,
        node: usize,
        epoch: &Epoch,
        owner: &str,
        partitions: &[PartitionProgress],
        now_ms: i64,
    ) -> Option<Vec<(String, i32)>> {
        if !self.is_current(node, epoch) {
            return None;
        }
        let mut others = Vec::new();
        self.change(node, now_ms, |copy| {
            for progress in partitions {
                let name = (progress.topic.clone(), progress.partition);
                if copy.owners.get(&name).is_some_and(|its| its == owner) {
                    copy.partitions.insert(name, progress.clone());
                } else {
                    others.push(name);
                }
            }
        });
        Some(others)
    }

    /// Moves an entry of the index forward.
    pub fn index_due(&mut self, conversation: usize, entry_ms: Option<i64>, now_ms: i64) {
        let Some(entry_ms) = entry_ms else { return };
        let due = Arc::make_mut(&mut self.nodes[DUE_NODE].held.due);
        let known_ms = due.entry(conversation).or_insert(entry_ms);
        *known_ms = entry_ms.min(*known_ms);
        self.wrote(DUE_NODE, now_ms);
    }

    /// The corrections that were made at least some time ago.
    pub fn settled(&self, now_ms: i64) -> Vec<(usize, i64)> {
        let settled = self.nodes[DUE_NODE].held.settled.iter();
        let old = settled.filter(|(_, noted_ms)| now_ms - **noted_ms >= SETTLED_MS);
        old.map(|(conversation, noted_ms)| (*conversation, *noted_ms))
            .collect()
    }

    /// Sets an entry right that was corrected some time ago, and forgets the note of that.
    pub fn confirm_due(&mut self, (conversation, noted_ms, right_ms): Settling, now_ms: i64) {
        let settled = Arc::make_mut(&mut self.nodes[DUE_NODE].held.settled);
        if settled.get(&conversation) == Some(&noted_ms) {
            settled.remove(&conversation);
        }
        self.index_due(conversation, right_ms, now_ms);
        self.wrote(DUE_NODE, now_ms);
    }

    /// Corrects an entry that still is as it was seen.
    pub fn settle_due(&mut self, (conversation, seen_ms, right_ms): Settling, now_ms: i64) {
        let due = Arc::make_mut(&mut self.nodes[DUE_NODE].held.due);
        if due.get(&conversation) == Some(&seen_ms) {
            match right_ms {
                Some(right_ms) => due.insert(conversation, right_ms),
                None => due.remove(&conversation),
            };
            let settled = Arc::make_mut(&mut self.nodes[DUE_NODE].held.settled);
            settled.insert(conversation, now_ms);
            self.wrote(DUE_NODE, now_ms);
        }
    }
}

/// What tells versions apart that have the same number.
fn token_of(token: u64, version: u64, texts: &[&str]) -> u64 {
    let mut parts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let numbers = [token.to_le_bytes(), version.to_le_bytes()].concat();
    parts.push(&numbers);
    let digest = Digest::of(&parts);
    u64::from_le_bytes(digest.0[..8].try_into().expect("eight bytes")).max(1)
}

/// After so long a correction is looked at again.
pub const SETTLED_MS: i64 = 60_000;

/// A conversation, its entry as it was seen, and the right one.
pub type Settling = (usize, i64, Option<i64>);

/// What both copies have, as far as the one that is further behind.
pub fn lower(mut lowest: Partitions, copy: &Partitions) -> Partitions {
    let reach = |progress: &PartitionProgress| (progress.next_offset(), progress.watermark_ms);
    lowest.retain(|partition, progress| match copy.get(partition) {
        Some(other) => {
            if reach(other) < reach(progress) {
                *progress = other.clone();
            }
            true
        }
        None => false,
    });
    lowest
}
