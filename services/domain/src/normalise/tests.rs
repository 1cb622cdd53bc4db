//! Bad input, and rules that hold whatever the dialect.
