//! What was said, in the shapes that SDKs have for it: lists of messages, messages, their parts, what tools were given
//! and gave back. Understood alike in every dialect.

mod body;
mod calls;
mod cut;
pub(super) mod finish;
mod histories;
mod items;
mod kinds;
pub(super) mod media;
pub(super) mod messages;
pub(super) mod parts;
mod printed;
mod roles;
mod sentences;
mod shapes;
#[cfg(test)]
mod tests;
mod thoughts;
pub(super) mod tool_parts;
pub(super) mod tool_value;
pub(super) mod tool_wrappers;
pub(super) mod turns;
mod wrappers;
