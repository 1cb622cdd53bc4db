//! Scripted conversations for `make up`, each showing something else. Played in real time, so they grow on the screen.

use crate::clock;
use crate::dialogue::Dialogue;
use crate::otlp::{export, trace_records};
use crate::record::{Producer, Record};
use crate::topics::Topics;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use std::time::{Duration, Instant};

/// Plays all scripts at once, each span sent at the moment it ends. `run` makes ids of this play distinct from those
/// of others.
///
/// # Errors
/// When Kafka does not take a record.
pub async fn play(producer: &Producer, topics: &Topics, run: u64) -> anyhow::Result<()> {
    let (start, start_ns) = (Instant::now(), clock::now_ns());
    for (ended_ns, record) in timeline(topics, run, start_ns) {
        let due = Duration::from_nanos(ended_ns - start_ns);
        tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
        producer.send([record]).await?;
    }
    Ok(())
}

type Script = fn(&mut Dialogue);

/// The records of all scripts with the time at which each is due, in that order.
fn timeline(topics: &Topics, run: u64, start_ns: u64) -> Vec<(u64, Record)> {
    let scripts: [(&str, &str, Script); 5] = [
        ("support-desk", "parcel", late_parcel),
        ("travel-planner", "weekend", weekend_trip),
        ("bank-assistant", "handoff", card_handoff),
        ("writing-helper", "regenerated", regenerated_answer),
        ("cooking-coach", "long", long_chat),
    ];
    let mut records = Vec::new();
    for (number, (project, name, script)) in (0u64..).zip(scripts) {
        let id = format!("demo-{name}-{run}");
        let mut dialogue = Dialogue::new(
            project,
            &id,
            run.wrapping_mul(16) + number,
            start_ns + number * 700_000_000,
        );
        script(&mut dialogue);
        for span in dialogue.take() {
            let ended_ns = span.end_time_unix_nano;
            records.extend(record_of(topics, project, span).map(|record| (ended_ns, record)));
        }
    }
    records.sort_by_key(|(ended_ns, _)| *ended_ns);
    records
}

fn record_of(topics: &Topics, project: &str, span: Span) -> impl Iterator<Item = Record> {
    trace_records(&topics.spans, &export(project, vec![span])).into_iter()
}

/// A support chat with tools, one of which fails, and a call that the provider refuses.
fn late_parcel(chat: &mut Dialogue) {
    chat.hand_over(
        "support",
        "You are the support desk of a shoe shop. Be brief and kind. Never promise a date.",
    );
    chat.ask("Hi, my parcel should have been here on Monday. Order 4711.")
        .use_tool("lookup_order", json!({"order": 4711}), Ok(json!({"status": "shipped", "carrier": "northpost", "items": 2})), 240)
        .use_tool("track_parcel", json!({"carrier": "northpost", "order": 4711}), Err("carrier did not answer within 2 s"), 2_000)
        .answer("Your order left us on Friday with Northpost. Their tracking does not answer right now; shall I try again?", 1_400)
        .pause(3_000)
        .ask("Yes please.")
        .use_tool("track_parcel", json!({"carrier": "northpost", "order": 4711}), Ok(json!({"state": "in depot", "since_hours": 31})), 600)
        .answer("It has been in the depot for 31 hours, which is longer than usual. I have asked the carrier to look for it.", 1_600)
        .pause(2_500)
        .ask("Can I get the money back instead?")
        .fail("rate_limit_exceeded", "429: too many requests for this organisation, retry in 2 s", 180)
        .pause(2_000)
        .ask("Hello? Can I get the money back?")
        .use_tool("open_refund", json!({"order": 4711, "reason": "late"}), Ok(json!({"refund": "R-2093", "amount": 129.0})), 350)
        .answer("Done: refund R-2093 over 129.00 is under way. If the parcel still comes, please send it back.", 1_500);
}

/// Two sub-agents with conversations of their own, opened by tool calls.
fn weekend_trip(chat: &mut Dialogue) {
    chat.hand_over(
        "planner",
        "You plan trips. Ask the specialists before you suggest anything.",
    );
    chat.ask("A weekend in Lisbon in spring, by train if that is possible. What do you suggest?")
        .delegate("ask_trains", "train-expert", "You know timetables.", "Trains to Lisbon from Madrid, Friday", |trains| {
            trains
                .use_tool("timetable", json!({"from": "Madrid", "to": "Lisbon", "day": "Friday"}), Ok(json!({"direct": false, "changes": 2, "hours": 9.5})), 500)
                .answer("No direct train; two changes, nine and a half hours.", 1_200);
        })
        .delegate("ask_weather", "weather-expert", "You know the climate.", "Lisbon in April", |weather| {
            weather
                .use_tool("climate", json!({"city": "Lisbon", "month": 4}), Ok(json!({"high_c": 20, "rain_days": 8})), 300)
                .answer("About 20 degrees by day, rain on one day in four.", 1_000);
        })
        .answer("By train it takes nine and a half hours with two changes; that leaves little of a weekend. I suggest the night before and three days: April has about 20 degrees.", 2_200)
        .pause(4_000)
        .ask("Then three days. What should we see on the first?")
        .answer("Start in Alfama while it is quiet, take tram 28 up to Graça at noon, and end at the river in Belém.", 1_800);
}

/// One agent hands the conversation over to another.
fn card_handoff(chat: &mut Dialogue) {
    chat.hand_over(
        "triage",
        "You find out what the customer needs and hand over.",
    );
    chat.ask("My card was swallowed by a machine abroad and I leave tomorrow.")
        .use_tool(
            "transfer_to_cards",
            json!({"summary": "card kept by a machine, traveller"}),
            Ok(json!({"assistant": "cards"})),
            40,
        );
    chat.hand_over("cards", "You help with cards. Block first, then explain.");
    chat.answer("I am with the cards team and take over. Shall I block the card right away?", 1_300)
        .pause(2_000)
        .ask("Yes, block it.")
        .use_tool("block_card", json!({"last_digits": "0042"}), Ok(json!({"blocked": true})), 280)
        .answer("It is blocked. An emergency card can be at your hotel by noon tomorrow, or a virtual one on your phone in a minute.", 1_500)
        .pause(3_000)
        .ask("The virtual one, please.")
        .use_tool("issue_virtual_card", json!({"valid_days": 14}), Ok(json!({"issued": true})), 420)
        .answer("It is in your wallet app now, valid for 14 days.", 900);
}

/// An answer is thrown away and made again; the conversation goes on from the second.
fn regenerated_answer(chat: &mut Dialogue) {
    chat.hand_over("writer", "You help with short texts.");
    chat.ask("One sentence for a lost-cat poster.")
        .answer("LOST: cat. Please call.", 900)
        .pause(1_500)
        .regenerate()
        .answer("Our grey cat Pixel slipped out on Sunday: if you hear a very polite meow near your shed, please call.", 1_400)
        .pause(3_000)
        .ask("Lovely. The same in Portuguese.")
        .answer("A nossa gata cinzenta Pixel fugiu no domingo: se ouvir um miado muito educado perto do seu barracão, ligue-nos.", 1_500);
}

/// Many short turns.
fn long_chat(chat: &mut Dialogue) {
    chat.hand_over("coach", "You teach one step at a time.");
    let steps = [
        (
            "I want to bake bread. I have flour, water, salt and dry yeast.",
            "Good: 500 g flour, 350 g water, 10 g salt, 5 g yeast. Mix everything except the salt.",
        ),
        (
            "Mixed. It is very sticky.",
            "It should be. Cover it and wait 20 minutes; the flour still drinks.",
        ),
        (
            "Waited.",
            "Add the salt and fold it from four sides, like an envelope.",
        ),
        (
            "Folded.",
            "Cover it again for 45 minutes. It should grow by half.",
        ),
        (
            "It has grown!",
            "Shape a ball: pull the edges to the middle, turn it over, and tighten it with both hands.",
        ),
        (
            "It is flat rather than round.",
            "Then it needs more tension. Pull it towards you over the table twice.",
        ),
        (
            "Better.",
            "Into a floured bowl, seam up. Heat the oven to 240 degrees with a lidded pot inside.",
        ),
        (
            "The oven is hot.",
            "Turn the dough into the pot, cut a cross on top, lid on, 25 minutes.",
        ),
        (
            "It smells wonderful.",
            "Lid off, 15 more minutes, until it is as brown as you dare.",
        ),
        (
            "Done! It sounds hollow.",
            "That is what it should sound like. Now the hardest step: let it cool for an hour.",
        ),
    ];
    for (said, answered) in steps {
        chat.ask(said).answer(answered, 700).pause(1_600);
    }
}
