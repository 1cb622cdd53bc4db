//! What each recorded SDK's conversation reads like, as golden text under `schemas/examples/transcripts`.
//! Set `UPDATE_EXAMPLES=1` to write what is read now, and read the difference.

mod memory;
mod mutations;
mod reading;
mod reports;
mod text;

use self::reading::{Raw, examples, files, read, recordings};
use self::text::told;
use domain::assembly::{Assembler, Reading, Whole};
use domain::ids::{ConversationKey, TraceKey};
use domain::normalise::Rules;
use domain::prepare::Fact;
use domain::trace::WithoutId;
use domain::usage::{NoPrices, Prices};
use domain::view::View;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn every_recording_reads_as_it_was_played() {
    let mut different = Vec::new();
    for folder in recordings() {
        let label = folder
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let text = told(&label, &views(&folder, WithoutId::Trace));
        let golden = examples().join("transcripts").join(format!("{label}.txt"));
        if std::env::var_os("UPDATE_EXAMPLES").is_some() {
            fs::create_dir_all(golden.parent().expect("a folder")).expect("writable");
            fs::write(&golden, &text).expect("writable");
        }
        if fs::read_to_string(&golden).unwrap_or_default() != text {
            different.push(format!("{label}:\n{text}"));
        }
    }
    assert!(
        different.is_empty(),
        "these read differently now:\n{}",
        different.join("\n")
    );
}

/// What operators are told of SDKs that are not known must not tell of those that are.
#[test]
fn every_word_of_the_recordings_is_read() {
    let rules = Rules::default();
    let mut spans = 0;
    for file in recordings().iter().flat_map(|folder| files(folder)) {
        for (raw, record_ms) in read(&file) {
            if let Raw::Span(raw) = raw {
                let span = domain::normalise::span(raw, record_ms, &rules);
                assert!(!span.is_unread, "{}: {span:#?}", file.display());
                spans += 1;
            }
        }
    }
    assert!(spans > 0);
}

/// Each recording is one conversation. Where its SDK gives an id, that is taken away.
#[test]
fn what_was_said_tells_which_calls_are_one_conversation() {
    const LABELS: [(&str, usize); 9] = [
        ("a_otel_openai_v2_latest_event", 5),
        ("a_otel_openai_v2_latest_span", 5),
        ("a_otel_openai_v2_legacy", 5),
        ("c_traceloop_sdk", 5),
        ("c_traceloop_sdk_v0475", 5),
        ("d_agents_oi_chat", 5),
        ("f_vercel_ai6_proto", 5),
        ("f_vercel_ai7_json", 5),
        ("i_growth_otel", 40),
    ];
    for (label, calls) in LABELS {
        let views = views(&examples().join("captured").join(label), WithoutId::History);
        let counts: Vec<usize> = views
            .values()
            .map(|view| view.totals.llm_calls as usize)
            .collect();
        assert_eq!(counts, [calls], "{label}");
    }
}

/// The conversations of a folder of exports, after everything was read. Ids count only where traces without one become
/// conversations.
fn views(folder: &Path, without_id: WithoutId) -> BTreeMap<String, View> {
    let exports = files(folder).into_iter().flat_map(|file| read(&file));
    let views = views_of(exports, without_id, &NoPrices).into_iter();
    views.map(|(key, view)| (key.id, view)).collect()
}

fn views_of(
    exports: impl Iterator<Item = (Raw, i64)>,
    without_id: WithoutId,
    prices: &dyn Prices,
) -> BTreeMap<ConversationKey, View> {
    let rules = Rules::default();
    let assembler = Assembler {
        rules: &rules,
        prices,
    };
    let mut whole = Whole::default();
    for (raw, record_ms) in exports {
        let mut reading = Reading::default();
        match raw {
            Raw::Span(raw) => assembler.span(raw, record_ms, &mut reading),
            Raw::Log(raw) => assembler.log(raw, record_ms, &mut reading),
        }
        if without_id == WithoutId::History {
            take_ids_away(&mut reading);
        }
        whole.take(reading);
    }
    whole.settle(i64::MAX - 1, without_id);
    let conversations = whole.conversations().into_iter();
    conversations
        .map(|(key, conversation)| (key.clone(), conversation.view()))
        .collect()
}

fn take_ids_away(reading: &mut Reading) {
    for (key, mut prepared) in reading.named.drain(..) {
        match &mut prepared.fact {
            Fact::Span(span) => span.lacks_id = true,
            Fact::Log(log) => log.lacks_id = true,
        }
        let key = TraceKey {
            project: key.project,
            trace: prepared.fact.key().trace,
        };
        reading.traces.entry(key).or_default().facts.push(prepared);
    }
    for batch in reading.traces.values_mut() {
        for report in &mut batch.reports {
            report.conversation = None;
        }
    }
}
