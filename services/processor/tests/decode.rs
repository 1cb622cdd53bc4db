//! What the decoders make of good, odd and hostile records.

mod decode {
    mod bad_input;
    mod broken_heads;
    mod otlp;
    mod sentry;
    pub(crate) mod support;
}
