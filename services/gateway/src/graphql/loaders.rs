//! Reads of children of many rows, gathered into one. Nothing is cached: a row may change at any moment.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dataloader::Loader;
use domain::ids::Digest;
use store::{Store, Summary};

use super::error::from_store;

#[derive(Debug)]
pub struct SummaryLoader(pub Store);

impl Loader<Digest> for SummaryLoader {
    type Value = Arc<Summary>;
    type Error = Error;

    async fn load(&self, digests: &[Digest]) -> Result<HashMap<Digest, Self::Value>, Error> {
        let summaries = self.0.summaries(digests).await.map_err(from_store)?;
        Ok(digests
            .iter()
            .zip(summaries)
            .filter_map(|(digest, summary)| Some((*digest, Arc::new(summary?))))
            .collect())
    }
}
