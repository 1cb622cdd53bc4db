//! Threads within threads: each is read after the message that opened it.

use super::threads::{Placed, Thread};
use super::tools::Place;
use crate::view::Utterance;
use rustc_hash::FxHashMap;

/// Puts the threads into one reading order and numbers them as they come.
pub(super) fn nest(threads: Vec<Thread>) -> Vec<Utterance> {
    let mut by_place: FxHashMap<Place, Vec<usize>> = FxHashMap::default();
    let mut by_time: Vec<usize> = Vec::new();
    for (index, thread) in threads.iter().enumerate().skip(1) {
        match thread.after {
            Some(place) => by_place.entry(place).or_default().push(index),
            None => by_time.push(index),
        }
    }
    by_time.sort_by_key(|index| (threads[*index].started_ns, *index));
    let mut by_time = by_time.into_iter().peekable();
    let starts: Vec<i64> = threads.iter().map(|thread| thread.started_ns).collect();
    let mut threads: Vec<Option<Thread>> = threads.into_iter().map(Some).collect();
    let mut read = Vec::new();
    let mut numbers = 0;
    // Each open thread is an iterator over its messages; one that a message opens is read before the rest.
    let mut open = Vec::new();
    let mut begin = |index: usize, threads: &mut Vec<Option<Thread>>| {
        let thread = threads[index].take()?;
        let number = numbers;
        numbers += 1;
        Some((
            number,
            thread.parent,
            thread.messages.into_iter().peekable(),
        ))
    };
    open.extend(begin(0, &mut threads));
    while let Some((number, parent, messages)) = open.last_mut() {
        if let Some(Placed {
            place,
            mut utterance,
        }) = messages.next()
        {
            utterance.thread = *number;
            utterance.thread_parent = parent.clone();
            read.push(utterance);
            let next_ns = messages
                .peek()
                .map_or(i64::MAX, |next| next.utterance.timestamp_ns);
            let is_main = *number == 0;
            let mut opened: Vec<usize> = place
                .and_then(|place| by_place.remove(&place))
                .unwrap_or_default();
            while let Some(index) = by_time.next_if(|index| is_main && starts[*index] < next_ns) {
                opened.push(index);
            }
            // The last one opened is read first, so they go in backwards. Numbers follow the reading order.
            let begun: Vec<_> = opened
                .into_iter()
                .filter_map(|index| begin(index, &mut threads))
                .collect();
            open.extend(begun.into_iter().rev());
        } else {
            open.pop();
        }
        if open.is_empty() {
            // Threads whose opener does not show, as when ids contradict each other, are read last: none is lost.
            let rest = threads.iter().position(Option::is_some);
            open.extend(rest.and_then(|index| begin(index, &mut threads)));
        }
    }
    read
}
