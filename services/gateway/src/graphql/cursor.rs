//! Opaque cursors: a version, a kind, fixed fields, in base64. A cursor of another kind, of another list or of another
//! conversation is refused rather than misread.

use async_graphql::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::Digest;
use store::ListCursor;

use super::error::Code;
use crate::conversations::{LogFingerprint, Point};

/// Raised when the fields of a kind change; older cursors are then refused, and clients begin again.
const VERSION: u8 = 1;

/// A row of a list of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCursor {
    pub place: ListCursor,
    /// Names the filter and the visible projects: the place means nothing in another list.
    pub list: u64,
}

/// A place in the transcript, or among the spans, of a conversation as it stood when the first page was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCursor {
    pub conversation: u64,
    pub at: Point,
    pub index: u32,
}

/// The `index`-th change that leads from the transcript at `from` to the transcript at `to` was delivered, with all
/// changes before it. [`ALL`] means that everything up to `to` was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveCursor {
    pub conversation: u64,
    pub from: Point,
    pub to: Point,
    pub index: u32,
}

/// No change of the step is left.
pub const ALL: u32 = u32::MAX;

/// What tells conversations apart within cursors.
pub fn short(digest: &Digest) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&digest.0[..8]);
    u64::from_be_bytes(bytes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    Messages,
    Spans,
}

impl PageKind {
    fn byte(self) -> u8 {
        match self {
            Self::Messages => b'M',
            Self::Spans => b'S',
        }
    }
}

const ROW: u8 = b'R';
const LIVE: u8 = b'L';

impl RowCursor {
    pub fn encode(&self) -> String {
        Writer::new(ROW)
            .u64(self.list)
            .u64(self.place.moment_us as u64)
            .u64(self.place.activity_us as u64)
            .bytes(&self.place.digest.0)
            .finish()
    }

    pub fn decode(text: &str, list: u64) -> Result<ListCursor, Error> {
        let read = |mut reader: TokenReader| {
            let cursor = Self {
                list: reader.u64()?,
                place: ListCursor {
                    moment_us: reader.u64()? as i64,
                    activity_us: reader.u64()? as i64,
                    digest: Digest(reader.bytes()?),
                },
            };
            reader.is_done().then_some(cursor)
        };
        let cursor = TokenReader::new(text, ROW)
            .and_then(read)
            .ok_or_else(|| invalid("a cursor of a list of conversations"))?;
        if cursor.list != list {
            return Err(Code::CursorInvalid.error(
                "this cursor belongs to a list with another filter: begin this list without `after`",
            ));
        }
        Ok(cursor.place)
    }
}

impl PageCursor {
    pub fn encode(&self, kind: PageKind) -> String {
        Writer::new(kind.byte())
            .u64(self.conversation)
            .point(self.at)
            .u32(self.index)
            .finish()
    }

    pub fn decode(text: &str, kind: PageKind, conversation: u64) -> Result<Self, Error> {
        let read = |mut reader: TokenReader| {
            let cursor = Self {
                conversation: reader.u64()?,
                at: reader.point()?,
                index: reader.u32()?,
            };
            reader.is_done().then_some(cursor)
        };
        let cursor = TokenReader::new(text, kind.byte())
            .and_then(read)
            .ok_or_else(|| {
                invalid(match kind {
                    PageKind::Messages => "a cursor of a list of messages",
                    PageKind::Spans => "a cursor of a list of spans",
                })
            })?;
        of_same(conversation, cursor.conversation)?;
        Ok(cursor)
    }
}

impl LiveCursor {
    /// Everything up to the point was delivered.
    pub fn at(conversation: u64, point: Point) -> Self {
        Self {
            conversation,
            from: point,
            to: point,
            index: ALL,
        }
    }

    pub fn encode(&self) -> String {
        Writer::new(LIVE)
            .u64(self.conversation)
            .point(self.from)
            .point(self.to)
            .u32(self.index)
            .finish()
    }

    pub fn decode(text: &str, conversation: u64) -> Result<Self, Error> {
        let read = |mut reader: TokenReader| {
            let cursor = Self {
                conversation: reader.u64()?,
                from: reader.point()?,
                to: reader.point()?,
                index: reader.u32()?,
            };
            (reader.is_done() && cursor.from.entries <= cursor.to.entries).then_some(cursor)
        };
        let cursor = TokenReader::new(text, LIVE)
            .and_then(read)
            .ok_or_else(|| invalid("a cursor of a message event, nor a liveCursor"))?;
        of_same(conversation, cursor.conversation)?;
        Ok(cursor)
    }
}

fn invalid(expected: &str) -> Error {
    Code::CursorInvalid.error(format!(
        "`after` is not {expected}: pass one that this gateway gave, unchanged"
    ))
}

fn of_same(conversation: u64, other: u64) -> Result<(), Error> {
    if conversation == other {
        Ok(())
    } else {
        Err(Code::CursorInvalid.error("this cursor belongs to another conversation"))
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: u8) -> Self {
        Self(vec![VERSION, kind])
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn point(self, point: Point) -> Self {
        self.u64(point.entries).bytes(&point.fingerprint.0)
    }

    fn finish(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

struct TokenReader {
    bytes: Vec<u8>,
    position: usize,
}

impl TokenReader {
    fn new(text: &str, kind: u8) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes
            .starts_with(&[VERSION, kind])
            .then_some(Self { bytes, position: 2 })
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let end = self.position.checked_add(N)?;
        let bytes = self.bytes.get(self.position..end)?.try_into().ok()?;
        self.position = end;
        Some(bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn point(&mut self) -> Option<Point> {
        Some(Point {
            entries: self.u64()?,
            fingerprint: LogFingerprint(self.bytes()?),
        })
    }

    fn is_done(&self) -> bool {
        self.position == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(entries: u64) -> Point {
        Point {
            entries,
            fingerprint: LogFingerprint([7; 8]),
        }
    }

    #[test]
    fn cursors_read_what_they_write() {
        let row = RowCursor {
            place: ListCursor {
                moment_us: -1,
                activity_us: 5,
                digest: Digest([9; 16]),
            },
            list: 42,
        };
        assert_eq!(
            RowCursor::decode(&row.encode(), 42).expect("reads"),
            row.place
        );
        let page = PageCursor {
            conversation: 1,
            at: point(3),
            index: 9,
        };
        let text = page.encode(PageKind::Messages);
        assert_eq!(
            PageCursor::decode(&text, PageKind::Messages, 1).expect("reads"),
            page
        );
        let live = LiveCursor {
            conversation: 1,
            from: point(3),
            to: point(4),
            index: 0,
        };
        assert_eq!(LiveCursor::decode(&live.encode(), 1).expect("reads"), live);
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        let page = PageCursor {
            conversation: 1,
            at: point(3),
            index: 9,
        };
        let text = page.encode(PageKind::Messages);
        assert!(PageCursor::decode(&text, PageKind::Spans, 1).is_err());
        assert!(PageCursor::decode(&text, PageKind::Messages, 2).is_err());
        assert!(LiveCursor::decode(&text, 1).is_err());
        for bad in [
            "",
            "AA",
            "not base64!",
            "AVL",
            &format!("{text}AAAA"),
            &text[..8],
        ] {
            let error = PageCursor::decode(bad, PageKind::Messages, 1).expect_err(bad);
            assert!(error.message.contains("unchanged"), "{}", error.message);
        }
        let backwards = LiveCursor {
            conversation: 1,
            from: point(4),
            to: point(3),
            index: 0,
        };
        assert!(LiveCursor::decode(&backwards.encode(), 1).is_err());
    }
}
