//! What a forest is made of: nodes and the islands that they make up.

use super::calls::Call;
use super::forest::Forest;
use crate::ids::Digest;
use crate::message::Role;

pub(crate) type NodeIndex = usize;

/// An utterance, or (with no role) the root above an island's first utterances.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) parent: Option<NodeIndex>,
    pub(crate) children: Vec<NodeIndex>,
    pub(crate) island: usize,
    pub(crate) role: Option<Role>,
    /// Of the message; of the call's key while the message is not known.
    pub(crate) identity: Digest,
    pub(crate) message: Option<Digest>,
    /// The calls that made it and which of their choices it is: several when the same answer was made again to the same
    /// history, none for what histories alone tell of.
    pub(crate) made_by: Vec<(usize, usize)>,
    /// The first call that carried or made it.
    pub(crate) first_call: usize,
    pub(crate) id: Digest,
    /// It stands for messages that a later context no longer held: nobody said it.
    pub(crate) is_summary: bool,
    /// Utterances from the island's beginning to this one, summaries not counted.
    pub(crate) depth: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Island {
    pub(crate) root: NodeIndex,
    pub(crate) first_call: usize,
    pub(crate) last_call: usize,
    /// Where the latest call stands: the end of the branch that the conversation took.
    pub(crate) tip: NodeIndex,
    /// The chain node at which the latest call's history ends.
    pub(super) end: Option<Digest>,
}

/// What a call was given of the conversation before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// The first utterance that it was given; after a kept beginning, the first after the gap.
    pub(crate) first: Option<NodeIndex>,
    /// Utterances of the island before that one that it was not given.
    pub(crate) unseen: u32,
}

/// A tool message of some history, with the node it stands after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolMessage {
    pub(crate) after: NodeIndex,
    pub(crate) message: Digest,
    pub(crate) call: usize,
}

impl Forest<'_> {
    pub(super) fn new_island(&mut self, call: usize) -> NodeIndex {
        let (root, island) = (self.nodes.len(), self.islands.len());
        let none = Digest::default();
        self.nodes.push(Node {
            parent: None,
            children: Vec::new(),
            island,
            role: None,
            identity: none,
            message: None,
            made_by: Vec::new(),
            first_call: call,
            id: none,
            is_summary: false,
            depth: 0,
        });
        self.islands.push(Island {
            root,
            first_call: call,
            last_call: call,
            tip: root,
            end: None,
        });
        root
    }

    pub(super) fn new_node(
        &mut self,
        call: usize,
        parent: NodeIndex,
        role: Role,
        identity: Digest,
        choice: Option<usize>,
    ) -> NodeIndex {
        let index = self.nodes.len();
        let same = self.by_identity.entry(identity).or_default();
        // Answers are named by the call that made them; other messages by what they say and how often it was said
        // before, so that a name outlives a repair of the path above it.
        let id = match choice {
            Some(choice) => call_name(&self.calls[call], choice),
            None => Digest::of(&[
                b"said",
                &self.scope.name(),
                &identity.0,
                &(same.len() as u64).to_le_bytes(),
            ]),
        };
        same.push(index);
        self.nodes.push(Node {
            parent: Some(parent),
            children: Vec::new(),
            island: self.nodes[parent].island,
            role: Some(role),
            identity,
            message: None,
            made_by: choice.map(|choice| (call, choice)).into_iter().collect(),
            first_call: call,
            id,
            is_summary: false,
            depth: self.nodes[parent].depth + 1,
        });
        if self.nodes[parent].role.is_none() {
            self.beginnings.entry(identity).or_default().push(index);
        }
        self.nodes[parent].children.push(index);
        self.siblings.add(parent, identity, index);
        index
    }

    /// From a node up to its island's root.
    pub(crate) fn path(&self, from: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        std::iter::successors(Some(from), |node| self.nodes[*node].parent)
    }
}

/// A name for an answer that does not depend on what it says.
pub(super) fn call_name(call: &Call, choice: usize) -> Digest {
    Digest::of(&[
        b"answer",
        &call.span.key.trace.0,
        &call.span.key.span.0,
        &(choice as u64).to_le_bytes(),
    ])
}
