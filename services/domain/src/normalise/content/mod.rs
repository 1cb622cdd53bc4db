//! What was said, in the shapes that SDKs have for it: lists of messages, messages, their parts, what tools were given
//! and gave back. Understood alike in every dialect.

pub(super) mod finish;
pub(super) mod media;
pub(super) mod messages;
pub(super) mod parts;
pub(super) mod shapes;
pub(super) mod tool_parts;
pub(super) mod tool_value;
pub(super) mod turns;
pub(super) mod wrappers;
