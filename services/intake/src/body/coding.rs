//! Content encodings. What a body unfolds into is bounded while it unfolds.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use crate::budget::Reservation;
use crate::refusal::{Reason, Refusal};

const CHUNK_BYTES: usize = 64 * 1024;
/// The window that a zstd frame may ask for, as a power of two: 8 MiB, which every encoder keeps to unless it is told
/// otherwise. The default would be 128 MiB of memory for a frame of some bytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
    Brotli,
}

impl Coding {
    /// The coding of this name in `Content-Encoding` or `grpc-encoding`.
    ///
    /// # Errors
    /// When it is none that we read, or several.
    pub fn named(name: &str) -> Result<Self, Refusal> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            "br" => Ok(Self::Brotli),
            other => Err(Refusal::new(
                Reason::Unsupported,
                format!(
                    "the content encoding {:?} is not known: send identity, gzip, deflate, zstd or br",
                    domain::text::prefix(other, 40)
                ),
            )),
        }
    }
}

/// What the body is without its coding.
///
/// # Errors
/// When it is not what the coding says, unfolds into more than `bytes_max`, or no memory is free.
pub fn decompress(
    coding: Coding,
    compressed: Bytes,
    bytes_max: usize,
    held: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let reader: Box<dyn Read + '_> = match coding {
        Coding::Identity if compressed.len() > bytes_max => return Err(too_large(bytes_max)),
        Coding::Identity => return Ok(compressed),
        Coding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(&*compressed)),
        Coding::Deflate => Box::new(Inflate::new(&compressed)),
        Coding::Zstd => {
            Box::new(zstd_reader(&compressed).map_err(|cause| unreadable(coding, &cause))?)
        }
        Coding::Brotli => Box::new(brotli::Decompressor::new(&*compressed, CHUNK_BYTES)),
    };
    unfold(coding, reader, bytes_max, held)
}

fn unfold(
    coding: Coding,
    mut reader: Box<dyn Read + '_>,
    bytes_max: usize,
    held: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(whole.freeze()),
            Ok(read) if whole.len() + read > bytes_max => return Err(too_large(bytes_max)),
            Ok(read) => extend(&mut whole, &chunk[..read], bytes_max, held)?,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(unreadable(coding, &cause)),
        }
    }
}

/// Appends, and holds the memory that this takes.
pub(super) fn extend(
    whole: &mut BytesMut,
    data: &[u8],
    bytes_max: usize,
    held: &mut Reservation,
) -> Result<(), Refusal> {
    let needed = whole.len() + data.len();
    if needed > whole.capacity() {
        let roomier = (whole.capacity() * 2).clamp(needed, bytes_max.max(needed));
        held.grow(roomier - whole.capacity())?;
        whole.reserve(roomier - whole.len());
    }
    whole.extend_from_slice(data);
    Ok(())
}

fn zstd_reader(compressed: &[u8]) -> io::Result<impl Read + '_> {
    let mut decoder = zstd::Decoder::with_buffer(compressed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// Deflate as it is meant, with zlib's header, or as some clients take it by its word, without. The readers that flate2
/// has take the end of the input for the end of the text, wherever it comes.
struct Inflate<'a> {
    rest: &'a [u8],
    state: flate2::Decompress,
    has_ended: bool,
}

impl<'a> Inflate<'a> {
    fn new(compressed: &'a [u8]) -> Self {
        let has_header = matches!(compressed, [method, flags, ..]
            if method & 0x0F == 8 && (u16::from(*method) * 256 + u16::from(*flags)).is_multiple_of(31));
        Self {
            rest: compressed,
            state: flate2::Decompress::new(has_header),
            has_ended: false,
        }
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(self.rest, out, flate2::FlushDecompress::None)?;
            let taken = (self.state.total_in() - before_in) as usize;
            let made = (self.state.total_out() - before_out) as usize;
            self.rest = &self.rest[taken..];
            self.has_ended = status == flate2::Status::StreamEnd;
            if made > 0 {
                return Ok(made);
            }
            if !self.has_ended && taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::too_large(format!(
        "the body is larger than {bytes_max} bytes when decompressed (intake.limits.decompressed_bytes_max): \
         send smaller batches"
    ))
}

fn unreadable(coding: Coding, cause: &io::Error) -> Refusal {
    Refusal::malformed(format!(
        "the body is not what its encoding {coding:?} says: {cause}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use std::io::Write as _;

    fn compress(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        let mut out = Vec::new();
        match coding {
            Coding::Identity => out.extend_from_slice(bytes),
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, level);
                encoder.write_all(bytes).expect("compresses");
                encoder.finish().expect("compresses");
            }
            Coding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(&mut out, level);
                encoder.write_all(bytes).expect("compresses");
                encoder.finish().expect("compresses");
            }
            Coding::Zstd => out = zstd::encode_all(bytes, 3).expect("compresses"),
            Coding::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 5, 22);
                encoder.write_all(bytes).expect("compresses");
            }
        }
        out
    }

    const CODINGS: [Coding; 5] = [
        Coding::Identity,
        Coding::Gzip,
        Coding::Deflate,
        Coding::Zstd,
        Coding::Brotli,
    ];

    #[test]
    fn every_coding_is_undone() {
        let text = "conversation ".repeat(10_000);
        for coding in CODINGS {
            let mut held = Budget::new(1 << 20, 1 << 20).reservation();
            let body = Bytes::from(compress(coding, text.as_bytes()));
            let plain = decompress(coding, body, 1 << 20, &mut held).expect("readable");
            assert!(plain == text.as_bytes(), "{coding:?}");
        }
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        raw.write_all(b"raw").expect("compresses");
        let raw = Bytes::from(raw.finish().expect("compresses"));
        let mut held = Budget::new(1 << 20, 1 << 20).reservation();
        assert_eq!(
            &decompress(Coding::Deflate, raw, 100, &mut held).expect("readable")[..],
            b"raw"
        );
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit_and_holds_no_more_than_that() {
        let bomb = vec![0; 50 << 20];
        for coding in &CODINGS[1..] {
            let budget = Budget::new(10 << 20, 10 << 20);
            let mut held = budget.reservation();
            let body = Bytes::from(compress(*coding, &bomb));
            let refused = decompress(*coding, body, 1 << 20, &mut held).expect_err("is a bomb");
            assert_eq!(refused.reason, Reason::TooLarge, "{coding:?}");
            assert!(held.bytes() <= 1 << 20, "{coding:?}: {}", held.bytes());
        }
    }

    #[test]
    fn nonsense_and_half_a_body_are_malformed() {
        for coding in &CODINGS[1..] {
            let whole = compress(*coding, &b"some words ".repeat(500));
            let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
            for body in [half, Bytes::from_static(b"\xff\xfenonsense")] {
                let mut held = Budget::new(1 << 20, 1 << 20).reservation();
                let refused = decompress(*coding, body, 1 << 20, &mut held).expect_err("is bad");
                assert_eq!(refused.reason, Reason::Malformed, "{coding:?}");
            }
        }
    }
}
