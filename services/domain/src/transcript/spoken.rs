//! What one span said.

use super::calls::{History, content_of};
use crate::conversation::Conversation;
use crate::facts::SpanFact;
use crate::ids::Digest;
use crate::message::Message;
use std::sync::Arc;

/// The messages of one span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spoken {
    pub system: Vec<Arc<Message>>,
    /// The history the call was given, oldest first.
    pub input: Vec<Arc<Message>>,
    /// The choices it answered with.
    pub output: Vec<Arc<Message>>,
    pub finish_reason: Option<String>,
}

impl Conversation {
    /// What a span said, whether it carried its messages itself or log records beside it did.
    pub fn spoken_by(&self, span: &SpanFact) -> Spoken {
        let content = content_of(self, span);
        let messages = |digests: &[Digest]| -> Vec<Arc<Message>> {
            digests
                .iter()
                .filter_map(|digest| self.message(digest).cloned())
                .collect()
        };
        Spoken {
            system: messages(&content.system),
            input: match &content.history {
                History::None => Vec::new(),
                History::Tip(tip) => messages(&self.history_digests(Some(*tip))),
                History::List(digests) => messages(digests),
            },
            output: messages(&content.output),
            finish_reason: content.finish_reason,
        }
    }
}
