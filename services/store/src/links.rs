//! Pictures of recent traces, kept for processors that come to a trace late or again: who is whose parent, and which
//! spans name a conversation.

use crate::script::{Call, PUT_BOUNDED};
use crate::{Error, Store};
use domain::ids::{SpanId, TraceId};
use domain::resolve::SpanLink;
use redis::from_redis_value;
use std::collections::BTreeMap;

/// Links kept of one trace, as many as the resolver keeps in memory. Later ones are not known as ancestors.
const LINKS_PER_TRACE_MAX: usize = 20_000;
/// Links in one script call; a larger save is cut into several.
const LINKS_PER_CALL_MAX: usize = 1_000;
/// Ends the conversation id, which holds no control characters. Without it the span is not a GenAI span.
const SEPARATOR: u8 = 0;
const NO_PARENT: [u8; 8] = [0; 8];

impl Store {
    /// Keeps links for `links_ttl_ms` after the last save to their trace. Saving one again changes nothing.
    pub async fn save_links(&self, links: &[(TraceId, SpanLink)]) -> Result<(), Error> {
        let mut by_trace: BTreeMap<TraceId, Vec<&SpanLink>> = BTreeMap::new();
        for (trace, link) in links {
            by_trace.entry(*trace).or_default().push(link);
        }
        let mut calls: Vec<Call> = Vec::new();
        for (trace, links) in &by_trace {
            for chunk in links.chunks(LINKS_PER_CALL_MAX) {
                let mut call = PUT_BOUNDED.call();
                call.key(self.keys.links(trace));
                call.arg(LINKS_PER_TRACE_MAX).arg(self.config.links_ttl_ms);
                for link in chunk {
                    call.arg(link.span.0.as_slice()).arg(encode(link));
                }
                calls.push(call);
            }
        }
        self.connection.call_each(&calls).await?;
        Ok(())
    }

    /// What is kept of the traces; those of which nothing is are left out.
    pub async fn load_links(
        &self,
        traces: &[TraceId],
    ) -> Result<Vec<(TraceId, Vec<SpanLink>)>, Error> {
        let keys: Vec<String> = traces.iter().map(|trace| self.keys.links(trace)).collect();
        let commands = keys.iter().map(|key| {
            let mut command = redis::cmd("HGETALL");
            command.arg(key);
            command
        });
        let answers = self.connection.each(commands.collect()).await?;
        let mut loaded = Vec::new();
        for ((answer, key), trace) in answers.into_iter().zip(&keys).zip(traces) {
            let fields: Vec<(Vec<u8>, Vec<u8>)> = from_redis_value(answer)?;
            let links: Option<Vec<SpanLink>> = fields
                .iter()
                .map(|(span, value)| decode(span, value))
                .collect();
            let links = links
                .ok_or_else(|| Error::corrupt(key, "it holds something that is not a link"))?;
            if !links.is_empty() {
                loaded.push((*trace, links));
            }
        }
        Ok(loaded)
    }
}

/// The parent's id, or zeros, then the conversation's, then a separator and the project for a GenAI span. There are as
/// many of these as spans, so they are kept small.
fn encode(link: &SpanLink) -> Vec<u8> {
    let mut value = link.parent.map_or(NO_PARENT, |parent| parent.0).to_vec();
    value.extend_from_slice(link.conversation.as_deref().unwrap_or_default().as_bytes());
    if let Some(project) = &link.project {
        value.push(SEPARATOR);
        value.extend_from_slice(project.as_bytes());
    }
    value
}

fn decode(span: &[u8], value: &[u8]) -> Option<SpanLink> {
    let (parent, names) = value.split_at_checked(NO_PARENT.len())?;
    let names = std::str::from_utf8(names).ok()?;
    let (conversation, project) = match names.split_once(char::from(SEPARATOR)) {
        Some((conversation, project)) => (conversation, Some(project.to_owned())),
        None => (names, None),
    };
    Some(SpanLink {
        span: SpanId::from_bytes(span)?,
        parent: SpanId::from_bytes(parent),
        conversation: (!conversation.is_empty()).then(|| conversation.to_owned()),
        project,
    })
}
