//! Windows and what they close over, from the outside: records in, revisions out.

mod emptied;
mod play;
mod properties;
mod records;
mod reference;
mod rules;
