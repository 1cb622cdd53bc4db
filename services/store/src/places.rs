//! Places in the lists that are not those of their conversations, or no longer: setting them right.
//!
//! Places rise by themselves. When spans move to another conversation, the last activity of the one that they leave goes
//! back, or nothing is left of it. Whoever writes that finds its place too high and corrects it; a late update may raise it
//! again, and then whoever reads the list does. As with what is due, the conversation is looked at before a place is
//! corrected, and once more after that, so that a commit that came in between is not lost.

use crate::index::{Placing, digest_of};
use crate::script::{Call, FORGET};
use crate::summary::{Found, Summary};
use crate::{Error, Store};
use domain::ids::Digest;
use redis::{Value, from_redis_value};

/// Where a list has a conversation that is not to stand there.
#[derive(Clone, Debug)]
pub(crate) struct Misplaced {
    pub(crate) project: String,
    pub(crate) digest: Digest,
    pub(crate) seen_us: i64,
    /// Of these agents none takes part any more.
    pub(crate) agents: Vec<String>,
}

impl Misplaced {
    /// From the answer of `index.lua`.
    pub(crate) fn from_answer(project: &str, answer: Value) -> Result<Vec<Self>, Error> {
        let answer: Vec<(String, String)> = from_redis_value(answer)?;
        let misplaced = answer.into_iter().map(|(member, place)| {
            let what = || format!("{place:?} is not a place");
            Ok(Self {
                project: project.to_owned(),
                digest: digest_of(&member, "index.lua")?,
                seen_us: place
                    .parse()
                    .map_err(|_| Error::corrupt("index.lua", what()))?,
                agents: Vec::new(),
            })
        });
        misplaced.collect()
    }
}

impl Store {
    /// Sets places right, as far as they are still those that were seen.
    pub(crate) async fn correct(&self, misplaced: Vec<Misplaced>) -> Result<(), Error> {
        if misplaced.is_empty() {
            return Ok(());
        }
        let digests: Vec<Digest> = misplaced.iter().map(|place| place.digest).collect();
        let found = self.find(&digests).await?;
        let placings = misplaced
            .iter()
            .zip(&found)
            .filter(|(_, found)| !matches!(found, Found::Unreadable))
            .map(|(place, found)| Placing {
                project: &place.project,
                digest: place.digest,
                summary: found.standing(),
                seen_us: Some(place.seen_us),
            });
        let lists = self.list_calls(placings).into_iter().map(|(_, call)| call);
        let agents = misplaced
            .iter()
            .filter_map(|place| self.forget_agents(place));
        let calls: Vec<Call> = lists.chain(agents).collect();
        self.connection.call_each(&calls).await?;

        let found = self.find(&digests).await?;
        let standing = found.iter().filter_map(Found::standing);
        let calls = self.list_calls(standing.map(Placing::raise));
        let calls: Vec<Call> = calls.into_iter().map(|(_, call)| call).collect();
        self.connection.call_each(&calls).await?;
        Ok(())
    }

    fn forget_agents(&self, place: &Misplaced) -> Option<Call> {
        let keys = self.keys.index(&place.project);
        let mut call = FORGET.call();
        for agent in &place.agents {
            call.key(keys.agent(agent));
        }
        call.arg(place.digest.to_string()).arg(place.seen_us);
        (!place.agents.is_empty()).then_some(call)
    }
}

impl Found<Summary> {
    /// The conversation, if anything stands in it.
    fn standing(&self) -> Option<&Summary> {
        match self {
            Self::Known(summary) if !summary.is_empty() => Some(summary),
            Self::Known(_) | Self::Nothing | Self::Unreadable => None,
        }
    }
}
