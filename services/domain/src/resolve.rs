//! Which conversation a span belongs to.
