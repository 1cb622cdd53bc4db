//! What this process knows of a conversation.

use domain::conversation::Conversation;
use domain::ids::ConversationKey;
use domain::view::Totals;
use domain::window::Windows;
use store::{Snapshot, Summary};

/// A conversation as it is committed.
#[derive(Clone, Debug)]
pub struct Held {
    pub conversation: Conversation,
    pub summary: Summary,
    /// How many more commits leave what they build on as it was, so that after a conflict only what is new is loaded.
    pub(super) copies: u8,
}

impl Held {
    pub(super) fn nothing(key: &ConversationKey) -> Self {
        Self {
            conversation: Conversation::default(),
            summary: Summary {
                key: key.clone(),
                version: 0,
                token: 0,
                entries: 0,
                windows: Windows::default(),
                totals: Totals::default(),
                published_revision: 0,
            },
            copies: 0,
        }
    }

    pub(super) fn of(snapshot: Snapshot) -> Self {
        let mut conversation = Conversation::default();
        snapshot
            .entries
            .into_iter()
            .for_each(|entry| conversation.apply(entry));
        Self {
            conversation,
            summary: snapshot.summary,
            copies: 0,
        }
    }

    /// Takes in what was written since. False when what is stored does not go on from here: the store has lost something.
    pub(super) fn follow(&mut self, snapshot: Snapshot) -> bool {
        let (known, stored) = (&self.summary, &snapshot.summary);
        if stored.version <= known.version || stored.entries < known.entries {
            return false;
        }
        self.summary = snapshot.summary;
        let entries = snapshot.entries.into_iter();
        entries.for_each(|entry| self.conversation.apply(entry));
        true
    }
}
