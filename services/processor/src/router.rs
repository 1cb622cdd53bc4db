//! One task that finds each item its conversation and hands it to the shard of that conversation.
//!
//! The rules are the core's [`Resolver`]; here it meets the clock, the store (which remembers the traces that this
//! process no longer does, or never saw), the counters and the shards.

use crate::chaining::{Chained, ToChain};
use crate::item::{Item, Shards, Ticket, Work};
use crate::metrics as names;
use crate::shards::retry::StoreHealth;
use crate::unassigned::Unassigned;
use domain::facts::Link;
use domain::ids::{ConversationKey, TraceId};
use domain::prepare::Fact;
use domain::resolve::{Decision, Outcome, Resolver, Rule, Settings};
use metrics::{counter, gauge};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_millis(200);
/// How often the store is asked about a trace whose spans wait, in record time.
const ASK_EVERY_MS: i64 = 5_000;
/// Messages taken up in one go.
const TAKEN_MAX: usize = 256;
/// Traces asked about in one go.
const ASK_TRACES_MAX: usize = 500;

/// What the router is sent.
#[derive(Debug)]
pub enum Routed {
    /// The items of one record, read when the watermark of what was read stood at `now_ms`.
    Items { items: Vec<Item>, now_ms: i64 },
    /// The watermark of what was read has moved.
    Now(i64),
    /// Everything is read again: what waits, and what is known of traces, counts no more, and time has gone back.
    StartOver,
}

impl Routed {
    fn now_ms(&self) -> i64 {
        match self {
            Self::Items { now_ms, .. } | Self::Now(now_ms) => *now_ms,
            Self::StartOver => 0,
        }
    }

    fn items(&self) -> &[Item] {
        match self {
            Self::Items { items, .. } => items,
            Self::Now(_) | Self::StartOver => &[],
        }
    }
}

pub struct Router {
    resolver: Resolver<Item>,
    settings: Settings,
    store: Store,
    health: Arc<StoreHealth>,
    shards: Shards,
    unassigned: Unassigned,
    chaining: UnboundedSender<ToChain>,
    now_ms: i64,
    /// When each waiting trace was last asked about, in record time.
    asked: HashMap<TraceId, i64>,
    /// Until when, in record time, every new trace is asked about.
    recall_until_ms: Option<i64>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router")
            .field("waiting", &self.resolver.waiting_count())
            .finish_non_exhaustive()
    }
}

impl Router {
    pub fn new(
        settings: Settings,
        store: Store,
        health: Arc<StoreHealth>,
        shards: Shards,
        chaining: UnboundedSender<ToChain>,
    ) -> Self {
        let resolver = Resolver::new(settings);
        let unassigned = Unassigned::default();
        Self {
            resolver,
            settings,
            store,
            health,
            shards,
            unassigned,
            chaining,
            now_ms: 0,
            asked: HashMap::new(),
            recall_until_ms: None,
        }
    }

    /// Routes until the channel closes or the pipeline has committed its last offsets. Items that still wait then are
    /// dropped undone, to be read again.
    pub async fn run(
        mut self,
        mut routed: UnboundedReceiver<Routed>,
        mut chained: UnboundedReceiver<Chained>,
        drained: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = drained.cancelled() => return Ok(()),
                _ = ticks.tick() => self.tick().await,
                Some(chained) = chained.recv() => self.on_chained(chained),
                count = routed.recv_many(&mut taken, TAKEN_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                    self.recall(&taken).await;
                    taken.drain(..).for_each(|message| self.route(message));
                }
            }
        }
    }

    /// For a while after the start: fetches what is stored of the traces that come, for this process may have known them
    /// before. Without it, a restart could change what becomes of a trace that it cut in two.
    async fn recall(&mut self, messages: &[Routed]) {
        let until_ms = *self.recall_until_ms.get_or_insert_with(|| {
            let first_ms = messages.iter().map(Routed::now_ms).min().unwrap_or(0);
            first_ms.saturating_add(self.settings.trace_idle_ms)
        });
        if self.now_ms > until_ms {
            return;
        }
        let items = messages.iter().flat_map(Routed::items);
        let mut traces: Vec<TraceId> = items
            .map(Item::trace)
            .filter(|trace| !self.resolver.knows(trace))
            .collect();
        traces.sort_unstable();
        traces.dedup();
        for traces in traces.chunks(ASK_TRACES_MAX) {
            self.ask(traces).await;
        }
    }

    fn route(&mut self, message: Routed) {
        self.now_ms = self.now_ms.max(message.now_ms());
        let items = match message {
            Routed::Items { items, .. } => items,
            Routed::Now(_) => return,
            Routed::StartOver => return self.start_over(),
        };
        for item in items {
            let share = item.ticket.another();
            let outcome = self.resolver.offer(item.into_offer(), self.now_ms);
            self.carry_out(outcome, Some(&share));
            self.save_links(share);
        }
    }

    fn start_over(&mut self) {
        self.resolver = Resolver::new(self.settings);
        self.now_ms = 0;
        self.asked.clear();
        self.recall_until_ms = None;
        self.send_to_chain(ToChain::StartOver);
    }

    async fn tick(&mut self) {
        self.ask_about_waiting().await;
        let outcome = self.resolver.tick(self.now_ms);
        self.carry_out(outcome, None);
        self.send_to_chain(ToChain::Now(self.now_ms));
        gauge!(names::RESOLVE_WAITING).set(self.resolver.waiting_count() as f64);
        gauge!(names::RESOLVE_WAITING_BYTES).set(self.resolver.waiting_bytes() as f64);
        gauge!(names::RESOLVE_TRACES).set(self.resolver.trace_count() as f64);
        self.unassigned.flush(&self.store, &self.health).await;
    }

    fn carry_out(&mut self, outcome: Outcome<Item>, share: Option<&Ticket>) {
        for (conversation, link) in outcome.links {
            self.shards.send(Work::Link {
                conversation,
                link,
                ticket: share.map(Ticket::another),
            });
        }
        let mut pieces = Vec::new();
        for decision in outcome.decisions {
            match decision {
                Decision::Chain(piece) => pieces.push(piece),
                Decision::Assigned {
                    item,
                    conversation,
                    rule,
                    links,
                } => {
                    self.send_links(&conversation, links, &item.ticket);
                    self.send_fact(item, conversation, rule);
                }
                Decision::Unassigned { item } => self.leave_out(item),
            }
        }
        if !pieces.is_empty() {
            let now_ms = self.now_ms;
            self.send_to_chain(ToChain::Pieces { pieces, now_ms });
        }
    }

    fn send_to_chain(&self, message: ToChain) {
        // It is gone only when the process is stopping; the pieces then stay undone.
        let _ = self.chaining.send(message);
    }

    /// What became of pieces that were chained.
    fn on_chained(&mut self, chained: Chained) {
        match chained {
            Chained::Settled {
                conversation,
                pieces,
            } => {
                for piece in &pieces {
                    let placed = vec![(piece.key.span, conversation.id.clone())];
                    let outcome = self.resolver.place(piece.key.trace, placed, self.now_ms);
                    self.carry_out(outcome, None);
                }
                for piece in pieces {
                    let links = self.resolver.links_above(piece.key, &conversation);
                    self.send_links(&conversation, links, &piece.item.ticket);
                    self.send_fact(piece.item, conversation.clone(), Rule::History);
                }
            }
            Chained::LeftOut(pieces) => pieces
                .into_iter()
                .for_each(|piece| self.leave_out(piece.item)),
        }
    }

    fn send_links(&self, conversation: &ConversationKey, links: Vec<Link>, ticket: &Ticket) {
        for link in links {
            self.shards.send(Work::Link {
                conversation: conversation.clone(),
                link,
                ticket: Some(ticket.another()),
            });
        }
    }

    fn send_fact(&mut self, item: Item, conversation: ConversationKey, rule: Rule) {
        counter!(names::RESOLVED, "rule" => rule_name(rule)).increment(1);
        let Some(mut prepared) = item.prepared else {
            return item.ticket.done();
        };
        if let (Rule::Trace | Rule::History, Fact::Span(span)) = (rule, &mut prepared.fact) {
            span.inferred = true;
        }
        self.shards.send(Work::Fact {
            conversation,
            prepared: Box::new(prepared),
            ticket: item.ticket,
        });
    }

    fn leave_out(&mut self, item: Item) {
        match item.prepared {
            Some(_) => {
                counter!(names::SPANS_DROPPED, "reason" => "no_conversation").increment(1);
                self.unassigned.count(&item, self.now_ms);
            }
            None => counter!(names::SPANS_DROPPED, "reason" => "not_genai").increment(1),
        }
        item.ticket.done();
    }

    /// Keeps what was learnt of traces where other processes, and this one after a restart, find it. The record is not
    /// done before.
    fn save_links(&mut self, share: Ticket) {
        let links = self.resolver.take_unsaved();
        if links.is_empty() {
            return share.done();
        }
        let (store, health) = (self.store.clone(), Arc::clone(&self.health));
        tokio::spawn(async move {
            loop {
                match store.save_links(&links).await {
                    Ok(()) => return share.done(),
                    Err(cause) => {
                        health.failed("links", &cause);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
    }

    /// Asks the store about traces whose spans wait: another process may know their ancestors.
    async fn ask_about_waiting(&mut self) {
        let now_ms = self.now_ms;
        self.asked
            .retain(|_, asked_ms| now_ms - *asked_ms < ASK_EVERY_MS);
        let waited_ms = ASK_EVERY_MS.min(self.settings.wait_ms / 2);
        let mut traces = self
            .resolver
            .waiting_traces(now_ms + self.settings.wait_ms - waited_ms);
        traces.retain(|trace| !self.asked.contains_key(trace));
        traces.truncate(ASK_TRACES_MAX);
        if traces.is_empty() {
            return;
        }
        self.asked
            .extend(traces.iter().map(|trace| (*trace, now_ms)));
        self.ask(&traces).await;
    }

    async fn ask(&mut self, traces: &[TraceId]) {
        match self.store.load_links(traces).await {
            Ok(found) => {
                for (trace, known) in found {
                    let outcome = self.resolver.restore(trace, known.links, self.now_ms);
                    self.carry_out(outcome, None);
                    let outcome = self.resolver.place(trace, known.placed, self.now_ms);
                    self.carry_out(outcome, None);
                }
            }
            Err(cause) => self.health.failed("ask links", &cause),
        }
    }
}

fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Own => "own",
        Rule::Ancestor => "ancestor",
        Rule::OnlyOneInTrace => "only_one_in_trace",
        Rule::Trace => "trace",
        Rule::History => "history",
    }
}
