//! The queries, one noun a file.

mod conversation;
mod conversations;
mod facets;
mod scan;
mod unassigned;

use async_graphql::MergedObject;

pub use conversation::{ConversationQuery, key_of};
pub use conversations::ConversationsQuery;
pub use facets::FacetsQuery;
pub use scan::has_words;
pub use unassigned::UnassignedQuery;

#[derive(Debug, Default, MergedObject)]
pub struct Query(
    ConversationsQuery,
    ConversationQuery,
    FacetsQuery,
    UnassignedQuery,
);
