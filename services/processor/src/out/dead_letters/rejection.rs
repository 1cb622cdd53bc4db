//! Why a record becomes a dead letter.

use crate::reading::decode::{DecodeError, Decoded, RejectedSpan};
use domain::text::cut_with_mark;

/// Longest reason in a header; brokers count headers towards the size of a record.
const DETAIL_BYTES_MAX: usize = 4 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Nothing of it could be read.
    Undecodable(String),
    /// Some of its spans could not be understood.
    SpansRejected {
        described: Vec<RejectedSpan>,
        total: usize,
        /// Spans and log records that were taken nevertheless.
        taken: usize,
    },
    /// Reading it has failed in a way that nobody foresaw: a defect of this program.
    Panicked(String),
    /// It was read, and the store does not take what it holds, or not all of that.
    Unwritable(String),
}

impl Rejection {
    /// What a decoded record left behind, if anything.
    pub fn of(decoded: &Decoded) -> Option<Self> {
        (decoded.rejected_total > 0).then(|| Self::SpansRejected {
            described: decoded.rejected.clone(),
            total: decoded.rejected_total,
            taken: decoded.spans.len() + decoded.logs.len() + decoded.logs_without_span,
        })
    }

    /// A word for headers and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::SpansRejected { .. } => "spans_rejected",
            Self::Panicked(_) => "panicked",
            Self::Unwritable(_) => "unwritable",
        }
    }

    /// Whether the record gave nothing at all. One of which some spans were taken counts as readable, and so does one that
    /// the store does not take: that says nothing about the others of its partition.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Undecodable(_) | Self::Panicked(_) => true,
            Self::SpansRejected { taken, .. } => *taken == 0,
            Self::Unwritable(_) => false,
        }
    }

    /// What is wrong, where, and what to do.
    pub fn detail(&self) -> String {
        let mut detail = match self {
            Self::Undecodable(cause) | Self::Unwritable(cause) => cause.clone(),
            Self::SpansRejected {
                described,
                total,
                taken,
            } => {
                let described: Vec<_> = described.iter().map(ToString::to_string).collect();
                // What to do comes first: what comes last may be cut.
                format!(
                    "{total} rejected and {taken} taken; let the producer write these as their encoding is defined and \
                     send them again, those that were taken need not be: {}",
                    described.join("; ")
                )
            }
            Self::Panicked(message) => format!(
                "reading it failed unexpectedly: {message}; this is a defect, please report it with the record"
            ),
        };
        cut_with_mark(&mut detail, DETAIL_BYTES_MAX);
        detail
    }
}

impl From<DecodeError> for Rejection {
    fn from(cause: DecodeError) -> Self {
        Self::Undecodable(cause.to_string())
    }
}
