//! The queries, one noun a file.

mod conversation;
mod conversations;
mod facets;
mod scan;
mod tallies;

use async_graphql::MergedObject;

pub use conversation::{ConversationQuery, key_of};
pub use conversations::ConversationsQuery;
pub use facets::FacetsQuery;
pub use scan::has_words;
pub use tallies::TalliesQuery;

#[derive(Debug, Default, MergedObject)]
pub struct Query(
    ConversationsQuery,
    ConversationQuery,
    FacetsQuery,
    TalliesQuery,
);
