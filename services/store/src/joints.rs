//! Points at which calls without a conversation id meet, see [`domain::chain`]: one key each, changed by compare-and-set,
//! so that any processor may take the next decision about one.

use crate::script::{Call, SAVE_JOINT};
use crate::{Error, Store, codec};
use domain::chain::Joint;
use domain::ids::Digest;
use redis::from_redis_value;

/// A point as it was read. What is not stored is version 0 and empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredJoint {
    pub version: u64,
    pub joint: Joint,
}

impl Store {
    /// What is known of each point, in the order asked.
    pub async fn load_joints(&self, points: &[Digest]) -> Result<Vec<StoredJoint>, Error> {
        let keys: Vec<String> = points.iter().map(|point| self.keys.joint(point)).collect();
        let commands = keys.iter().map(|key| {
            let mut command = redis::cmd("HMGET");
            command.arg(key).arg("v").arg("s");
            command
        });
        let answers = self.connection.each(commands.collect()).await?;
        let mut loaded = Vec::with_capacity(points.len());
        for (answer, key) in answers.into_iter().zip(&keys) {
            let fields: (Option<u64>, Option<Vec<u8>>) = from_redis_value(answer)?;
            let (Some(version), Some(stored)) = fields else {
                loaded.push(StoredJoint::default());
                continue;
            };
            // What cannot be read ties nothing any more; it is written over.
            let joint = codec::decode(&stored, key).unwrap_or_else(|error| {
                tracing::error!(%error, "a point of dialogues cannot be read and begins anew");
                Joint::default()
            });
            loaded.push(StoredJoint { version, joint });
        }
        Ok(loaded)
    }

    /// Writes each point if its version is still the one read, and keeps it for `ttl_ms`. Tells for each whether it was
    /// written.
    pub async fn save_joints(
        &self,
        joints: &[(Digest, &StoredJoint)],
        ttl_ms: u64,
    ) -> Result<Vec<bool>, Error> {
        let mut calls: Vec<Call> = Vec::with_capacity(joints.len());
        for (point, stored) in joints {
            let mut call = SAVE_JOINT.call();
            call.key(self.keys.joint(point));
            call.arg(stored.version)
                .arg(codec::encode(&stored.joint)?)
                .arg(ttl_ms);
            calls.push(call);
        }
        let answers = self.connection.call_each(&calls).await?;
        answers
            .into_iter()
            .map(|answer| Ok(from_redis_value::<u8>(answer)? == 1))
            .collect()
    }
}
