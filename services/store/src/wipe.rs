//! Removing everything, for a full rebuild.

use crate::{Error, Store, wakeups};
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Value, from_redis_value};
use std::collections::BTreeMap;

/// Keys that one SCAN call looks at.
const SCAN_COUNT: usize = 1_000;

impl Store {
    /// Removes every key with the prefix, for a full rebuild, and returns how many there were. Progress goes last: running
    /// processors read everything again when they miss it, and by then nothing is removed any more. Whoever listens for
    /// wake-ups is told to look at everything.
    pub async fn wipe(&self) -> Result<u64, Error> {
        let mut removed = 0;
        let mut progress = Vec::new();
        for node in self.primaries().await? {
            let mut cursor = "0".to_owned();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor)
                    .arg("MATCH")
                    .arg(self.keys.all())
                    .arg("COUNT")
                    .arg(SCAN_COUNT);
                let answer = self.connection.query_at(scan, node.clone()).await?;
                let (next, keys): (String, Vec<String>) = from_redis_value(answer)?;
                let (last, keys): (Vec<_>, Vec<_>) =
                    keys.into_iter().partition(|key| self.keys.is_progress(key));
                progress.extend(last);
                removed += self.unlink(keys).await?;
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
        }
        removed += self.unlink(progress).await?;
        let mut resync = redis::cmd("PUBLISH");
        resync.arg(self.keys.changes()).arg(wakeups::RESYNC);
        self.connection.query::<Value>(&resync).await?;
        Ok(removed)
    }

    async fn unlink(&self, keys: Vec<String>) -> Result<u64, Error> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(keys);
        self.connection.query(&unlink).await
    }

    /// Where to scan: `None` for a single Redis.
    async fn primaries(&self) -> Result<Vec<Option<SingleNodeRoutingInfo>>, Error> {
        if !self.connection.is_cluster() {
            return Ok(vec![None]);
        }
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        // Each run of slots: first, last, then nodes, the primary first; of a node the third field is its id. A primary
        // is addressed by a slot of its own, because the address it announces need not be the one we reach it by.
        let runs: Vec<Vec<Value>> = self.connection.query(&command).await?;
        let mut slots: BTreeMap<String, u16> = BTreeMap::new();
        for run in runs {
            let mut fields = run.into_iter();
            if let (Some(first), Some(Value::Array(primary))) = (fields.next(), fields.nth(1))
                && let Some(id) = primary.into_iter().nth(2)
            {
                slots.insert(from_redis_value(id)?, from_redis_value(first)?);
            }
        }
        let route =
            |slot| SingleNodeRoutingInfo::SpecificNode(Route::with_slot(slot, SlotAddr::Master));
        Ok(slots
            .into_values()
            .filter_map(Slot::new)
            .map(|slot| Some(route(slot)))
            .collect())
    }
}
