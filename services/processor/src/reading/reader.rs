//! From the bytes of a record to what it tells: decode, normalise, prepare. Pure work per byte, done beside the pipeline's loop.

use crate::out::dead_letters::Rejection;
use crate::reading::decode::{self, Encoding, Signal};
use crate::reading::prices::PriceTable;
use crate::source::Record;
use domain::assembly::{Assembler, Reading};
use domain::normalise::Rules;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tracing::error;

/// Reads one record: pure work, by which what was read is the same whoever reads it when.
pub trait ReadRecord: std::fmt::Debug + Send + Sync {
    /// What the record tells, and what of it could not be understood.
    ///
    /// # Errors
    /// When the record cannot be read as a whole.
    fn read_record(
        &self,
        record: &Record,
        encoding: Encoding,
        signal: Signal,
    ) -> Result<(Reading, Option<Rejection>), decode::DecodeError>;
}

/// The same, whatever the reading does: one that panics gives up its record and nothing else.
///
/// # Errors
/// Why nothing of the record can be taken.
pub fn read_safely(
    reader: &dyn ReadRecord,
    record: &Record,
    encoding: Encoding,
    signal: Signal,
) -> Result<(Reading, Option<Rejection>), Rejection> {
    // Nothing that is shared is changed by a reading, so that there is nothing to be found half done.
    let read = AssertUnwindSafe(|| reader.read_record(record, encoding, signal));
    match catch_unwind(read) {
        Ok(outcome) => outcome.map_err(Rejection::from),
        Err(panic) => {
            let message = message_of(&*panic);
            error!(record = %record.at, message, "reading a record panicked: it becomes a dead letter; please report this");
            Err(Rejection::Panicked(message))
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

/// What is needed to read any record.
#[derive(Debug)]
pub struct RecordReader {
    pub rules: Rules,
    pub prices: PriceTable,
}

impl ReadRecord for RecordReader {
    fn read_record(
        &self,
        record: &Record,
        encoding: Encoding,
        signal: Signal,
    ) -> Result<(Reading, Option<Rejection>), decode::DecodeError> {
        let decoded = decode::decode(encoding, signal, &record.payload, &record.headers)?;
        let rejection = Rejection::of(&decoded);
        let assembler = Assembler {
            rules: &self.rules,
            prices: &self.prices,
        };
        let mut reading = Reading::default();
        for raw in decoded.spans {
            assembler.span(raw, record.record_ms, &mut reading);
        }
        for raw in decoded.logs {
            assembler.log(raw, record.record_ms, &mut reading);
        }
        Ok((reading, rejection))
    }
}
