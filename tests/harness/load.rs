//! A load of made-up conversations: the same seed gives the same records in the same order.

use crate::dialogue::Dialogue;
use crate::otlp::{export, trace_records};
use crate::record::Record;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

/// 2026-01-05 08:00 UTC. Fixed, so that two runs of one seed are equal.
const START_NS: u64 = 1_767_600_000_000_000_000;
/// Where conversations take turns, so that a record rarely follows one of its own conversation.
const SERVICES: [&str; 4] = ["shop", "travel", "bank", "clinic"];
const TOOLS: [&str; 4] = ["search", "lookup_order", "get_weather", "create_ticket"];
const WORDS: &str = "order parcel invoice refund ticket flight hotel train seat account card limit transfer \
    appointment doctor form today tomorrow early late please thanks change cancel confirm number street window \
    because before after again never always maybe rather";

/// An endless supply of turns of a fixed number of conversations. Iterates over records: one per trace, some of them
/// twice, as a retrying exporter sends them.
#[derive(Debug)]
pub struct Load {
    topic: String,
    random: fastrand::Rng,
    words: Vec<&'static str>,
    dialogues: Vec<Dialogue>,
    ready: Vec<Record>,
    spans: u64,
}

impl Load {
    pub fn new(topic: &str, conversations: usize, seed: u64) -> Self {
        let dialogues = (0..conversations)
            .map(|number| {
                let service = SERVICES[number % SERVICES.len()];
                let id = format!("load-{seed}-{number:06}");
                let seed = seed.wrapping_mul(1_000_003).wrapping_add(number as u64);
                Dialogue::new(service, &id, seed, START_NS + number as u64 * 1_000_000)
                    .agent("helper", "You are a helpful assistant. Answer briefly.")
            })
            .collect();
        Self {
            topic: topic.to_owned(),
            random: fastrand::Rng::with_seed(seed),
            words: WORDS.split_whitespace().collect(),
            dialogues,
            ready: Vec::new(),
            spans: 0,
        }
    }

    /// Distinct spans handed out so far.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    /// One turn of one conversation, picked at random.
    fn turn(&mut self) -> (String, Vec<Span>) {
        let (question, answer) = (self.sentence(6..20), self.sentence(10..60));
        let number = self.random.usize(..self.dialogues.len());
        let (dice, city) = (self.random.u8(..100), self.random.u32(..));
        let tool = TOOLS[self.random.usize(..TOOLS.len())];
        let dialogue = &mut self.dialogues[number];
        dialogue.pause(5_000).ask(&question);
        match dice {
            0..50 => dialogue.answer(&answer, 800),
            50..95 => dialogue
                .use_tool(
                    tool,
                    json!({"query": city}),
                    Ok(json!({"found": city % 7, "note": question})),
                    120,
                )
                .answer(&answer, 900),
            95..98 => dialogue
                .use_tool(tool, json!({"query": city}), Err("timed out"), 2_000)
                .answer(&answer, 700),
            _ => dialogue.fail("429", "rate limit exceeded", 150),
        };
        (dialogue.project.clone(), dialogue.take())
    }

    fn sentence(&mut self, length: std::ops::Range<usize>) -> String {
        let length = self.random.usize(length);
        let words: Vec<&str> = (0..length)
            .map(|_| self.words[self.random.usize(..self.words.len())])
            .collect();
        words.join(" ")
    }
}

impl Iterator for Load {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.ready.is_empty() {
            let (service, mut spans) = self.turn();
            self.spans += spans.len() as u64;
            if spans.len() > 1 && self.random.u8(..4) == 0 {
                // The exporter's batch ends in the middle of a trace.
                let rest = spans.split_off(self.random.usize(1..spans.len()));
                self.ready
                    .extend(trace_records(&self.topic, &export(&service, rest)));
            }
            self.ready
                .extend(trace_records(&self.topic, &export(&service, spans)));
            if self.random.u8(..50) == 0 {
                self.ready.extend(self.ready.last().cloned());
            }
        }
        self.ready.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_records_and_another_seed_others() {
        let records = |seed| Load::new("topic", 10, seed).take(200).collect::<Vec<_>>();
        assert_eq!(records(1), records(1));
        assert_ne!(records(1), records(2));
    }
}
