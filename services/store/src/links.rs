//! Pictures of recent traces, kept for processors that come to a trace late or again: who is whose parent, which spans
//! name a conversation, and which were given to one by their history.

use crate::script::{Call, PLACE, PUT_BOUNDED};
use crate::{Error, Store};
use domain::ids::{SpanId, TraceId};
use domain::resolve::SpanLink;
use redis::from_redis_value;
use std::collections::BTreeMap;

/// Links kept of one trace, as many as the resolver keeps in memory. Later ones are not known as ancestors.
const LINKS_PER_TRACE_MAX: usize = 20_000;
/// Links in one script call; a larger save is cut into several.
const LINKS_PER_CALL_MAX: usize = 1_000;
/// Ends the conversation id and the project, which hold no control characters.
const SEPARATOR: u8 = 0;
const NO_PARENT: [u8; 8] = [0; 8];
/// After the span's id in the name of a field: the conversation that the span was given to.
const PLACED: u8 = b'c';

/// What is kept of one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceLinks {
    pub links: Vec<SpanLink>,
    /// Spans that were given to a conversation by their history.
    pub placed: Vec<(SpanId, String)>,
}

/// Spans of one trace and the conversation that they are given to; at least one span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub trace: TraceId,
    pub spans: Vec<SpanId>,
    pub conversation: String,
}

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
    ) -> Result<Vec<(TraceId, TraceLinks)>, Error> {
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
            let mut known = TraceLinks::default();
            for (field, value) in &fields {
                let is_read = match field.as_slice() {
                    [span @ .., PLACED] if field.len() == PLACED_FIELD_BYTES => {
                        placed(span, value).map(|placed| known.placed.push(placed))
                    }
                    span => decode(span, value).map(|link| known.links.push(link)),
                };
                is_read
                    .ok_or_else(|| Error::corrupt(key, "it holds something that is not a link"))?;
            }
            if known != TraceLinks::default() {
                loaded.push((*trace, known));
            }
        }
        Ok(loaded)
    }

    /// Gives spans of traces to conversations, unless they were given to one before. Returns for each placement the
    /// conversation that its first span is now given to: whoever came first decided.
    pub async fn place(&self, placements: &[Placement]) -> Result<Vec<String>, Error> {
        let mut calls: Vec<Call> = Vec::new();
        let mut firsts = Vec::with_capacity(placements.len());
        for placement in placements {
            firsts.push(calls.len());
            for chunk in placement.spans.chunks(LINKS_PER_CALL_MAX) {
                let mut call = PLACE.call();
                call.key(self.keys.links(&placement.trace));
                call.arg(LINKS_PER_TRACE_MAX).arg(self.config.links_ttl_ms);
                for span in chunk {
                    call.arg([span.0.as_slice(), &[PLACED]].concat())
                        .arg(&placement.conversation);
                }
                calls.push(call);
            }
        }
        let answers = self.connection.call_each(&calls).await?;
        let answers: Vec<Vec<String>> = answers
            .into_iter()
            .map(from_redis_value)
            .collect::<Result<_, _>>()?;
        let first = |(placement, first): (&Placement, usize)| {
            let known = answers.get(first).and_then(|known| known.first());
            let known = known.filter(|known| !known.is_empty());
            known.unwrap_or(&placement.conversation).clone()
        };
        Ok(placements.iter().zip(firsts).map(first).collect())
    }
}

const PLACED_FIELD_BYTES: usize = 9;

fn placed(span: &[u8], value: &[u8]) -> Option<(SpanId, String)> {
    Some((
        SpanId::from_bytes(span)?,
        String::from_utf8(value.to_vec()).ok()?,
    ))
}

/// The parent's id, or zeros, then the conversation's, the project of a GenAI span and the record time, with
/// separators between these. There are as many of these as spans, so they are kept small.
fn encode(link: &SpanLink) -> Vec<u8> {
    let mut value = link.parent.map_or(NO_PARENT, |parent| parent.0).to_vec();
    value.extend_from_slice(link.conversation.as_deref().unwrap_or_default().as_bytes());
    value.push(SEPARATOR);
    value.extend_from_slice(link.project.as_deref().unwrap_or_default().as_bytes());
    if let Some(record_ms) = link.record_ms {
        value.push(SEPARATOR);
        value.extend_from_slice(record_ms.to_string().as_bytes());
    }
    value
}

fn decode(span: &[u8], value: &[u8]) -> Option<SpanLink> {
    let (parent, names) = value.split_at_checked(NO_PARENT.len())?;
    let names = std::str::from_utf8(names).ok()?;
    let mut names = names.split(char::from(SEPARATOR));
    let conversation = names.next()?;
    let project = names.next().filter(|project| !project.is_empty());
    let record_ms = names.next().map(|record_ms| record_ms.parse().ok());
    Some(SpanLink {
        span: SpanId::from_bytes(span)?,
        parent: SpanId::from_bytes(parent),
        conversation: (!conversation.is_empty()).then(|| conversation.to_owned()),
        project: project.map(str::to_owned),
        record_ms: record_ms.flatten(),
    })
}
