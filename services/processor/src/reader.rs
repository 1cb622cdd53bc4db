//! From the bytes of a record to items: decode, normalise, prepare. Pure work per byte, done beside the pipeline's loop.

use crate::config::AssemblyConfig;
use crate::decode::{self, Encoding, Signal};
use crate::dlq::Rejection;
use crate::item::{Item, Ticket};
use crate::prices::PriceTable;
use crate::source::Record;
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::raw::{RawLog, RawSpan};
use domain::resolve::{Kind, WithoutId};
use std::collections::HashMap;
use std::sync::Arc;

/// What is needed to read any record.
#[derive(Debug)]
pub struct Reader {
    pub rules: Rules,
    pub prices: PriceTable,
    pub assembly: AssemblyConfig,
}

/// What a record held.
#[derive(Debug)]
pub struct Reading {
    pub items: Vec<Item>,
    /// Of spans that could not be understood although their record could.
    pub rejection: Option<Rejection>,
}

impl Reader {
    /// Reads a record; an error concerns it as a whole. Each item holds a ticket of its own.
    pub fn read(
        &self,
        record: &Record,
        encoding: Encoding,
        signal: Signal,
        ticket: &Ticket,
    ) -> Result<Reading, decode::DecodeError> {
        let decoded = decode::decode(encoding, signal, &record.payload, &record.headers)?;
        let rejection = Rejection::of(&decoded);
        let mut labels = Labels::default();
        let record_ms = record.record_ms;
        let spans = decoded
            .spans
            .into_iter()
            .map(|raw| self.span(raw, record_ms, &mut labels, ticket));
        let mut items: Vec<Item> = spans.collect();
        items.extend(
            decoded
                .logs
                .into_iter()
                .filter_map(|raw| self.log(raw, record_ms, &mut labels, ticket)),
        );
        Ok(Reading { items, rejection })
    }

    fn span(&self, raw: RawSpan, record_ms: i64, labels: &mut Labels, ticket: &Ticket) -> Item {
        let mut span = normalise::span(raw, record_ms, &self.rules);
        let kind = if span.is_genai {
            Kind::GenAiSpan
        } else {
            Kind::OtherSpan
        };
        let project = labels.shared(&span.project);
        let instrumentation = labels.shared(&span.instrumentation);
        let (key, parent, is_llm) = (span.key, span.parent, span.operation.is_llm());
        let conversation_id = span.conversation_id.take();
        // A span that is neither GenAI nor named only serves as a link: nothing of it is kept.
        let is_kept = span.is_genai || conversation_id.is_some();
        let prepared = is_kept.then(|| prepare::span(span, record_ms, &self.prices));
        self.item(
            prepared,
            Named {
                project,
                instrumentation,
            },
            key,
            ticket,
            |item| Item {
                parent,
                conversation_id,
                kind,
                is_llm,
                record_ms,
                ..item
            },
        )
    }

    fn log(
        &self,
        raw: RawLog,
        record_ms: i64,
        labels: &mut Labels,
        ticket: &Ticket,
    ) -> Option<Item> {
        let mut log = normalise::log(raw, record_ms, &self.rules)?;
        let named = Named {
            project: labels.shared(&log.project),
            instrumentation: labels.shared("log records"),
        };
        let (key, conversation_id) = (log.key, log.conversation_id.take());
        let prepared = prepare::log(log, record_ms);
        Some(self.item(Some(prepared), named, key, ticket, |item| Item {
            conversation_id,
            kind: Kind::Log,
            record_ms,
            ..item
        }))
    }

    fn item(
        &self,
        prepared: Option<Prepared>,
        named: Named,
        key: domain::ids::SpanKey,
        ticket: &Ticket,
        complete: impl FnOnce(Item) -> Item,
    ) -> Item {
        /// A span's place in the pipeline, without its bodies.
        const ITEM_BYTES: usize = 1_024;
        complete(Item {
            bytes: ITEM_BYTES + prepared.as_ref().map_or(0, Prepared::bytes),
            prepared,
            without_id: self.without_id(&named.project),
            project: named.project,
            instrumentation: named.instrumentation,
            key,
            parent: None,
            conversation_id: None,
            kind: Kind::OtherSpan,
            is_llm: false,
            record_ms: 0,
            ticket: ticket.another(),
        })
    }

    fn without_id(&self, project: &str) -> WithoutId {
        self.assembly
            .without_id_by_project
            .get(project)
            .copied()
            .unwrap_or(self.assembly.without_id)
    }
}

struct Named {
    project: Arc<str>,
    instrumentation: Arc<str>,
}

/// The few names that all spans of a record share.
#[derive(Default)]
struct Labels(HashMap<String, Arc<str>>);

impl Labels {
    fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.into();
        self.0.insert(name.to_owned(), Arc::clone(&shared));
        shared
    }
}
