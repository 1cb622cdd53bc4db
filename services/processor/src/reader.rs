//! From the bytes of a record to what it tells: decode, normalise, prepare. Pure work per byte, done beside the pipeline's loop.

use crate::decode::{self, Encoding, Signal};
use crate::dlq::Rejection;
use crate::prices::PriceTable;
use crate::source::Record;
use domain::assembly::{Assembler, Reading};
use domain::normalise::Rules;

/// What is needed to read any record.
#[derive(Debug)]
pub struct Reader {
    pub rules: Rules,
    pub prices: PriceTable,
}

impl Reader {
    /// Reads a record; an error concerns it as a whole. Of spans that could not be understood although their record could, the
    /// rejection tells.
    pub fn read(
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
