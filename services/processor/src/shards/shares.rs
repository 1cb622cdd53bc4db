//! News of a conversation, and of which records they are shares.

use super::job::News;
use domain::facts::{Link, Move};
use domain::prepare::Prepared;

/// What a share of a record adds to a conversation.
#[derive(Debug)]
pub enum Piece {
    Fact(Prepared),
    Link(Link),
    Move(Move),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fact,
    Link,
    Move,
}

/// News by kind, with the owners of all pieces in the order in which these came.
#[derive(Debug)]
pub struct Shares<T> {
    news: News,
    owners: Owners<T>,
}

/// Whose the pieces of some news are.
#[derive(Debug)]
pub struct Owners<T>(Vec<(Kind, T)>);

impl<T> Default for Shares<T> {
    fn default() -> Self {
        Self {
            news: News::default(),
            owners: Owners::default(),
        }
    }
}

impl<T> Default for Owners<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Owners<T> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_vec(self) -> Vec<T> {
        self.0.into_iter().map(|(_, owner)| owner).collect()
    }
}

impl<T> Shares<T> {
    /// What [`Self::into_parts`] has taken apart.
    pub fn of(news: News, owners: Owners<T>) -> Self {
        Self { news, owners }
    }

    pub fn push(&mut self, piece: Piece, owner: T) {
        let kind = match piece {
            Piece::Fact(prepared) => {
                self.news.facts.push(prepared);
                Kind::Fact
            }
            Piece::Link(link) => {
                self.news.links.push(link);
                Kind::Link
            }
            Piece::Move(moved) => {
                self.news.moves.push(moved);
                Kind::Move
            }
        };
        self.owners.0.push((kind, owner));
    }

    /// Takes in what came later.
    pub fn append(&mut self, later: Self) {
        self.news.facts.extend(later.news.facts);
        self.news.links.extend(later.news.links);
        self.news.moves.extend(later.news.moves);
        self.owners.0.extend(later.owners.0);
    }

    pub fn facts(&self) -> usize {
        self.news.facts.len()
    }

    pub fn len(&self) -> usize {
        self.owners.len()
    }

    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    pub fn into_parts(self) -> (News, Owners<T>) {
        (self.news, self.owners)
    }

    /// The first half, and the second.
    pub fn halves(self) -> (Self, Self) {
        let half = self.len() / 2;
        let mut facts = self.news.facts.into_iter().map(Piece::Fact);
        let mut links = self.news.links.into_iter().map(Piece::Link);
        let mut moves = self.news.moves.into_iter().map(Piece::Move);
        let (mut first, mut second) = (Self::default(), Self::default());
        for (number, (kind, owner)) in self.owners.0.into_iter().enumerate() {
            let piece = match kind {
                Kind::Fact => facts.next(),
                Kind::Link => links.next(),
                Kind::Move => moves.next(),
            };
            let part = if number < half {
                &mut first
            } else {
                &mut second
            };
            if let Some(piece) = piece {
                part.push(piece, owner);
            }
        }
        (first, second)
    }
}
