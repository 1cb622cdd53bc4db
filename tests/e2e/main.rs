//! What the system promises, tried on real Kafka and real Redis.

mod layers;
mod servers;
