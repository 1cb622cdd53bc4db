//! Pages: how many rows, and where they stand in the whole.

use async_graphql::{Error, SimpleObject};

use crate::graphql::error::bad_input;

#[derive(Clone, Debug, Default, SimpleObject)]
pub struct PageInfo {
    pub has_next_page: bool,
    pub has_previous_page: bool,
    pub start_cursor: Option<String>,
    pub end_cursor: Option<String>,
}

/// Rows asked for: the argument, within 1 and the maximum, or the default.
pub fn rows(first: Option<i32>, default: usize, max: usize) -> Result<usize, Error> {
    match first {
        None => Ok(default),
        Some(first) => usize::try_from(first)
            .ok()
            .filter(|rows| (1..=max).contains(rows))
            .ok_or_else(|| bad_input(format!("`first` is {first}: ask for 1 to {max} rows"))),
    }
}

/// What a page costs by the rows it may have. Arguments that will be refused count as a whole page.
pub fn cost(first: Option<i32>, default: usize, max: usize, row: usize) -> usize {
    weigh(1, rows(first, default, max).unwrap_or(max), row)
}

/// What a field costs that has so many times the cost of its parts.
pub fn weigh(own: usize, times: usize, parts: usize) -> usize {
    times
        .saturating_mul(parts)
        .saturating_add(own)
        .min(COST_MAX)
}

/// Reading a whole conversation counts as much as this many fields.
pub const WHOLE_CONVERSATION_COST: usize = 50;
/// The library adds costs without looking at overflow. No sum of fields that fit into a request overflows with this,
/// and it is beyond any limit.
const COST_MAX: usize = 1_000_000_000;

/// The rows from `start` on, with the information about the page; `cursor_of` is asked for positions.
pub fn slice<T>(
    all: &[T],
    start: usize,
    rows: usize,
    cursor_of: impl Fn(usize) -> String,
) -> (&[T], PageInfo) {
    let start = start.min(all.len());
    let end = start.saturating_add(rows).min(all.len());
    let is_empty = start == end;
    let info = PageInfo {
        has_next_page: end < all.len(),
        has_previous_page: start > 0,
        start_cursor: (!is_empty).then(|| cursor_of(start)),
        end_cursor: (!is_empty).then(|| cursor_of(end - 1)),
    };
    (&all[start..end], info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_one_to_the_maximum_are_given_and_others_are_errors() {
        assert_eq!(rows(None, 50, 200).expect("the default"), 50);
        for first in [1, 200] {
            assert_eq!(
                rows(Some(first), 50, 200).expect("in bounds"),
                first as usize
            );
        }
        for first in [0, -1, 201, i32::MIN, i32::MAX] {
            let error = rows(Some(first), 50, 200).expect_err("out of bounds");
            assert!(error.message.contains("1 to 200"), "{}", error.message);
        }
    }

    #[test]
    fn the_cost_of_a_page_grows_with_its_rows_and_never_overflows() {
        assert_eq!(cost(Some(10), 50, 200, 3), 31);
        assert_eq!(cost(None, 50, 200, 3), 151);
        assert_eq!(cost(Some(-5), 50, 200, 3), 601);
        assert_eq!(cost(Some(200), 50, 200, usize::MAX), COST_MAX);
    }

    #[test]
    fn a_slice_knows_its_neighbours() {
        let all = [10, 11, 12, 13, 14];
        let cursor = |position: usize| position.to_string();
        let (rows, info) = slice(&all, 1, 2, cursor);
        assert_eq!(rows, [11, 12]);
        assert!(info.has_next_page && info.has_previous_page);
        assert_eq!(
            (info.start_cursor, info.end_cursor),
            (Some("1".into()), Some("2".into()))
        );
        let (rows, info) = slice(&all, 3, 5, cursor);
        assert_eq!(rows, [13, 14]);
        assert!(!info.has_next_page);
        let (rows, info) = slice(&all, 9, 5, cursor);
        assert!(rows.is_empty() && info.end_cursor.is_none() && !info.has_next_page);
    }
}
