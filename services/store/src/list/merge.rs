//! One list out of the lists of several projects.

use crate::Error;
use crate::index::digest_of;
use domain::ids::Digest;
use redis::{Value, from_redis_value};
use std::collections::VecDeque;

/// (activity, digest); a list goes from high to low.
pub(super) type Position = (i64, Digest);

/// A conversation in the merged list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) project: String,
    pub(super) activity_us: i64,
    pub(super) digest: Digest,
}

#[derive(Debug)]
pub(super) struct Merge {
    sources: Vec<Source>,
    /// Everything up to here was taken or found not to be there.
    position: Option<Position>,
}

/// The list of one project, as far as it is known.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) project: String,
    /// Known and not yet taken.
    places: VecDeque<Position>,
    /// Up to where the list is known.
    known_to: Option<Position>,
    is_asked: bool,
    is_exhausted: bool,
}

impl Source {
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.known_to
    }

    /// Takes in an answer of `places.lua`.
    pub(super) fn fill(&mut self, answer: Value) -> Result<(), Error> {
        let answer: Vec<String> = from_redis_value(answer)?;
        let [is_done, activity, digest, places @ ..] = answer.as_slice() else {
            return Err(Error::corrupt("places.lua", "the answer is too short"));
        };
        self.is_asked = true;
        self.is_exhausted = !is_done.is_empty();
        if !activity.is_empty() {
            self.known_to = Some(position(activity, digest)?);
        }
        for place in places.chunks_exact(2) {
            self.places.push_back(position(&place[1], &place[0])?);
        }
        Ok(())
    }
}

fn position(activity: &str, digest: &str) -> Result<Position, Error> {
    let activity_us = activity
        .parse()
        .map_err(|_| Error::corrupt("list", format!("{activity:?} is not an activity")))?;
    Ok((activity_us, digest_of(digest, "list")?))
}

impl Merge {
    /// Goes on after the given position.
    pub(super) fn new(projects: &[String], after: Option<Position>) -> Self {
        let mut projects = projects.to_vec();
        projects.sort_unstable();
        projects.dedup();
        let sources = projects
            .into_iter()
            .map(|project| Source {
                project,
                places: VecDeque::new(),
                known_to: after,
                is_asked: false,
                is_exhausted: false,
            })
            .collect();
        Self {
            sources,
            position: after,
        }
    }

    pub(super) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Those that have to be asked before anything more can be taken.
    pub(super) fn empty_sources(&mut self) -> impl Iterator<Item = &mut Source> {
        self.sources
            .iter_mut()
            .filter(|source| source.places.is_empty() && !source.is_exhausted)
    }

    /// Takes up to `count` places, as far as their order is certain.
    pub(super) fn take(&mut self, count: usize) -> Vec<Place> {
        let mut taken = Vec::new();
        // An empty source may still have places below what is known of it, so nothing below that can be taken.
        let barrier = self
            .sources
            .iter()
            .filter(|source| source.places.is_empty() && !source.is_exhausted)
            .map(|source| source.known_to)
            .max_by(|a, b| match (a, b) {
                (None, None) => std::cmp::Ordering::Equal,
                (None, _) => std::cmp::Ordering::Greater,
                (_, None) => std::cmp::Ordering::Less,
                (Some(a), Some(b)) => a.cmp(b),
            });
        while taken.len() < count {
            let Some(source) = self
                .sources
                .iter_mut()
                .max_by_key(|source| source.places.front().copied())
            else {
                break;
            };
            let Some(head) = source.places.front().copied() else {
                break;
            };
            if barrier.is_some_and(|barrier| barrier.is_none_or(|barrier| head < barrier)) {
                break;
            }
            source.places.pop_front();
            let is_empty = source.places.is_empty() && !source.is_exhausted;
            taken.push(Place {
                project: source.project.clone(),
                activity_us: head.0,
                digest: head.1,
            });
            self.position = Some(head);
            if is_empty {
                return taken;
            }
        }
        if taken.len() < count {
            // Nothing stands above the barrier any more, or nothing is left at all.
            let known_to = match barrier {
                Some(barrier) => barrier,
                None => self
                    .sources
                    .iter()
                    .filter_map(|source| source.known_to)
                    .min(),
            };
            self.position = match (self.position, known_to) {
                (Some(position), Some(known_to)) => Some(position.min(known_to)),
                (position, known_to) => position.or(known_to),
            };
        }
        taken
    }

    /// Everything up to here was taken or is not there.
    pub(super) fn position(&self) -> Option<Position> {
        self.position
    }

    pub(super) fn is_done(&self) -> bool {
        self.sources
            .iter()
            .all(|source| source.places.is_empty() && source.is_exhausted)
    }
}
