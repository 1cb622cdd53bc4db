//! How soon conversations are listed whose spans name them, whatever else there is to read: a look at the list each second.

use crate::load::Spoken;
use harness::clock::now_ms;
use harness::graphql::Client;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_secs(1);
/// Conversations that are named as examples.
const NAMED_MAX: usize = 3;

/// Project and id.
type Key = (String, String);

/// Ends the looking when dropped.
#[derive(Debug)]
pub(crate) struct Sight {
    /// When each was first seen, Unix milliseconds.
    seen: Arc<Mutex<BTreeMap<Key, i64>>>,
    looking: JoinHandle<()>,
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Sight {
    /// Looks from now on.
    pub(crate) fn begin(client: Client) -> Self {
        let seen: Arc<Mutex<BTreeMap<Key, i64>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let looking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // While faults happen, nobody may answer.
                let keys = client.keys().await.unwrap_or_default();
                let now_ms = now_ms();
                let mut seen = noted.lock().expect("nobody panics while holding it");
                for key in keys {
                    seen.entry(key).or_insert(now_ms);
                }
            }
        });
        Self { seen, looking }
    }

    /// What was not listed within the bound, from its first record on, or from the last fault at `since_ms` where that came
    /// later.
    pub(crate) fn problems(
        &self,
        spoken: &[Spoken],
        since_ms: i64,
        within: Duration,
    ) -> Vec<String> {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        late(&seen, spoken, since_ms, within)
    }
}

fn late(
    seen: &BTreeMap<Key, i64>,
    spoken: &[Spoken],
    since_ms: i64,
    within: Duration,
) -> Vec<String> {
    let within_ms = within.as_millis() as i64;
    let mut late = Vec::new();
    for Spoken {
        project,
        id,
        first_ms,
    } in spoken
    {
        match seen.get(&(project.clone(), id.clone())) {
            None => late.push(format!("{project}/{id} was never listed")),
            Some(seen_ms) => {
                let after_ms = seen_ms - since_ms.max(*first_ms);
                if after_ms > within_ms {
                    late.push(format!(
                        "{project}/{id} was listed {} s late",
                        after_ms / 1_000
                    ));
                }
            }
        }
    }
    let more = late.len().saturating_sub(NAMED_MAX);
    late.truncate(NAMED_MAX);
    if more > 0 {
        late.push(format!("and {more} conversations more"));
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(id: &str, first_ms: i64) -> Spoken {
        let (project, id) = ("shop".to_owned(), id.to_owned());
        Spoken {
            project,
            id,
            first_ms,
        }
    }

    #[test]
    fn what_was_listed_late_or_never_is_found_and_the_time_of_faults_does_not_count() {
        let key = |id: &str| ("shop".to_owned(), id.to_owned());
        let seen = BTreeMap::from([(key("a"), 9_000), (key("b"), 20_000)]);
        let all = [spoken("a", 1_000), spoken("b", 1_000), spoken("c", 1_000)];
        let within = Duration::from_secs(10);
        assert_eq!(
            late(&seen, &all, 0, within),
            ["shop/b was listed 19 s late", "shop/c was never listed"]
        );
        assert_eq!(late(&seen, &all[..2], 12_000, within), Vec::<String>::new());
    }
}
