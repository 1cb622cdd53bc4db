//! What raw spans and logs tell, sorted by whom it concerns.

use crate::ids::{ConversationKey, TraceId, TraceKey};
use crate::normalise::{self, Rules};
use crate::prepare::{self, Prepared};
use crate::raw::{RawLog, RawSpan};
use crate::trace::{Batch, Kind, Report};
use crate::usage::Prices;
use std::collections::BTreeMap;

/// Gives raw spans and logs their meaning.
#[derive(Clone, Copy, Debug)]
pub struct Assembler<'a> {
    pub rules: &'a Rules,
    pub prices: &'a dyn Prices,
}

/// What was read in one go.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Spans and logs.
    pub count: usize,
    /// Spans that neither concern a model nor carry an id: they only link others.
    pub links: usize,
    /// Of each trace who is whose parent, and what carries no id.
    pub traces: BTreeMap<TraceKey, Batch>,
    /// What carries an id.
    pub named: Vec<(ConversationKey, Prepared)>,
    /// Spans that say something that no rule read.
    pub unread: Vec<Unread>,
}

/// A span of an SDK that is not known well enough.
#[derive(Clone, Debug)]
pub struct Unread {
    pub project: String,
    pub instrumentation: String,
    pub trace: TraceId,
    pub is_llm_call: bool,
}

impl Assembler<'_> {
    /// Reads a span of a record of this time, Unix milliseconds.
    pub fn span(&self, raw: RawSpan, record_ms: i64, reading: &mut Reading) {
        let span = normalise::span(raw, record_ms, self.rules);
        let kind = if span.is_genai {
            Kind::GenAiSpan
        } else {
            Kind::OtherSpan
        };
        let report = Report {
            span: span.key.span,
            kind,
            parent: span.parent,
            conversation: span.conversation_id.clone(),
            hint: span.hint.clone(),
            record_ms,
        };
        let (project, trace) = (span.project.clone(), span.key.trace);
        if span.is_unread {
            reading.unread.push(Unread {
                project: project.clone(),
                instrumentation: span.instrumentation.clone(),
                trace,
                is_llm_call: span.operation.is_llm(),
            });
        }
        // A span that is neither GenAI nor named only serves as a link: nothing of it is kept.
        let is_kept = span.is_genai || span.conversation_id.is_some();
        let prepared = is_kept.then(|| prepare::span(span, record_ms, self.prices));
        reading.add(project, trace, report, prepared);
    }

    /// Likewise a log record, unless it tells nothing of a call.
    pub fn log(&self, raw: RawLog, record_ms: i64, reading: &mut Reading) {
        let Some(log) = normalise::log(raw, record_ms, self.rules) else {
            return;
        };
        let report = Report {
            span: log.key.span,
            kind: Kind::Log,
            parent: None,
            conversation: log.conversation_id.clone(),
            hint: None,
            record_ms,
        };
        let (project, trace) = (log.project.clone(), log.key.trace);
        reading.add(project, trace, report, Some(prepare::log(log, record_ms)));
    }
}

impl Reading {
    fn add(&mut self, project: String, trace: TraceId, report: Report, prepared: Option<Prepared>) {
        self.count += 1;
        self.links += usize::from(prepared.is_none());
        let id = report.conversation.clone();
        let key = TraceKey {
            project: project.clone(),
            trace,
        };
        let batch = self.traces.entry(key).or_default();
        batch.reports.push(report);
        match (id, prepared) {
            (Some(id), Some(prepared)) => {
                self.named.push((ConversationKey { project, id }, prepared));
            }
            (None, Some(prepared)) => batch.facts.push(prepared),
            (_, None) => {}
        }
    }
}
