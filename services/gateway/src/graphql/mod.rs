//! The GraphQL schema: `schemas/graphql/contract.graphql` and what was added to it.

pub mod budget;
pub mod context;
pub mod cursor;
pub mod error;
pub mod filter;
pub mod limits;
pub mod loaders;
pub mod model;
pub mod query;
pub mod scalars;
pub mod search;
pub mod subscription;
mod unfolded;

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{EmptyMutation, SDLExportOptions, SchemaBuilder};

use crate::config::GatewayConfig;
use crate::conversations::{ConversationReader, Hub, Slots};
use crate::metrics::SUBSCRIPTIONS;
use context::{State, SummaryLoaderHandle};
use limits::Limits;
use loaders::SummaryLoader;
use query::Query;
use subscription::Subscription;

pub type Schema = async_graphql::Schema<Query, EmptyMutation, Subscription>;

/// Levels of selection sets and fragments that the parser follows. Deeper than any allowed depth.
const RECURSION_MAX: usize = 64;
/// Directives on one field.
const DIRECTIVES_PER_FIELD_MAX: usize = 4;

/// The schema over a reader and its hub.
pub fn schema(reader: ConversationReader, hub: Hub, config: &GatewayConfig) -> Schema {
    let summaries = DataLoader::new(SummaryLoader(reader.store().clone()), tokio::spawn);
    let state = State {
        reader,
        hub,
        limits: config.limits.clone(),
        live: config.live.clone(),
        subscribers: Slots::new(config.live.subscriptions_max).with_gauge(SUBSCRIPTIONS),
        summaries: SummaryLoaderHandle(summaries),
    };
    let mut builder = builder()
        .data(Arc::new(state))
        .limit_depth(config.limits.depth_max)
        .limit_complexity(config.limits.complexity_max)
        .limit_recursive_depth(RECURSION_MAX)
        .limit_directives(DIRECTIVES_PER_FIELD_MAX)
        .extension(Limits::new(&config.limits));
    if !config.introspection {
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.finish()
}

fn builder() -> SchemaBuilder<Query, EmptyMutation, Subscription> {
    Schema::build(Query::default(), EmptyMutation, Subscription::default())
}

/// What is served, in the schema definition language. Needs nothing that runs.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .prefer_single_line_descriptions()
        .use_space_ident();
    builder().finish().sdl_with_options(options)
}
