//! Chaining calls without an id, from outside: rules one by one, properties over orders of arrival, and a seeded simulation
//! of many people who chat in few words, told by spans that several processors read out of order.

mod chats;
mod people;
mod properties;
mod rules;
mod simulation;
mod world;
