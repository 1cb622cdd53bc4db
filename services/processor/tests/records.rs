//! Records as bytes, without a broker: what the decoders make of good, odd and hostile ones, what fuzzing found, and what the
//! recordings of real SDKs read like. One program, for each links the whole client of Kafka.

mod decode {
    mod bad_input;
    mod broken_heads;
    mod otlp;
    mod sentry;
    pub(crate) mod support;
}
mod finds;
mod recorded;
