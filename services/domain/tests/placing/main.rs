//! Which conversation a span belongs to, at every moment, in any order, after any loss.

mod properties;
mod rules;
mod world;
