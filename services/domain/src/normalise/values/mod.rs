//! Values as attributes hold them: JSON in whole, in part and in Python's spelling, flattened lists, ids, times, and the
//! bounds of it all.

pub(super) mod absent;
pub(super) mod bounds;
pub(super) mod fields;
pub(super) mod flat;
pub(super) mod ids;
pub(super) mod json;
pub(super) mod numbers;
pub(super) mod python;
pub(super) mod salvage;
pub(super) mod time;
