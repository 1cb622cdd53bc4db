//! Everybody in one world, and the scheduler that says who does the next step.

use super::broker::Broker;
use super::faults::Faults;
use super::member::{Life, Member};
use super::nodes::Nodes;
use super::plan::{BEGIN_MS, Plan};
use super::poison::{Patience, Poison};
use super::{Flaw, Played};
use crate::tape::Tape;
use processor::source::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Steps in which the tape rules.
const STEPS_MAX: usize = 2_400;
/// After the faults everything must have settled within so long, and within so many steps: else it waits for ever.
const SETTLED_WITHIN_MS: i64 = 240_000;
/// A loss is noticed, and what it took is being read again.
const NOTICED_WITHIN_MS: i64 = 5_000;
const CALM_STEPS_MAX: u64 = 60_000;
/// The coordinator gives up a member that was silent for so long.
const SESSION_MS: i64 = 6_000;
/// How long time stands still at most when nobody has anything to do.
const REST_MS: i64 = 500;

/// What may be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The pipeline of a member takes one event, answer, finished record, second or record.
    Pipeline(usize),
    /// A step of work on a conversation.
    Work(usize, usize),
    /// A record is read; the topic of dead letters answers; a step of keeping what is paused.
    Read(usize),
    Letter(usize),
    Note(usize),
    /// What waits for a conversation is begun.
    Begin(usize, usize),
    /// The topic of finalised conversations answers.
    Publish(usize),
    /// A step of a question to the store.
    Ask(usize),
    /// A step of looking for what is due.
    Look(usize),
    /// The poll thread of a member: one record; one order; a commit; what the group says; statistics.
    Deliver(usize),
    Obey(usize),
    Commit(usize),
    Rebalance(usize),
    Tell(usize),
    /// It pauses, or resumes.
    Pause(usize),
    /// The threads of the client.
    Turn(usize),
    Fetch(usize),
    Measure(usize),
    /// The coordinator: a generation begins; a silent member is given up.
    Generation,
    GiveUp(usize),
    /// A record is written.
    Append,
    Fault,
    Time,
}

#[derive(Debug)]
pub struct World<'t> {
    pub(super) tape: &'t mut Tape,
    pub(super) plan: Arc<Plan>,
    pub(super) poison: Poison,
    pub(super) patience: Patience,
    pub(super) flaw: Flaw,
    pub(super) broker: Broker,
    pub(super) nodes: Nodes,
    pub(super) members: BTreeMap<usize, Member>,
    pub(super) members_begun: usize,
    /// Since when members crashed or stand still.
    pub(super) silent_since_ms: BTreeMap<usize, i64>,
    pub(super) records_max: usize,
    pub(super) now_ms: i64,
    pub(super) faults: Faults,
    pub(super) is_calm: bool,
    /// The store answers nothing until then.
    pub(super) away_until_ms: i64,
    /// The next record to be written, and when.
    pub(super) next_record: usize,
    pub(super) next_append_ms: i64,
    /// Up to where each partition was saved, ever.
    pub(super) saved: BTreeMap<TopicPartition, i64>,
    /// With the old mistake: the time that the first copy gave a fact.
    pub(super) first_times: BTreeMap<usize, i64>,
    pub(super) played: Played,
    /// How fast time goes, compared with everything else.
    tempo: usize,
    story: Option<Vec<String>>,
}

impl<'t> World<'t> {
    pub fn new(
        tape: &'t mut Tape,
        plan: Arc<Plan>,
        poison: Poison,
        flaw: Flaw,
        is_told: bool,
    ) -> Self {
        let nodes = if tape.chance(50) { 3 } else { 1 };
        let (records_max, tempo) = (8 - tape.below(6), 1 + tape.below(8));
        let faults = Faults::draw(tape, &poison);
        let mut world = Self {
            tape,
            poison,
            patience: Patience::default(),
            flaw,
            broker: Broker::default(),
            nodes: Nodes::new(nodes, flaw == Flaw::UnnoticedLosses, plan.unwritable()),
            members: BTreeMap::new(),
            members_begun: 0,
            silent_since_ms: BTreeMap::new(),
            records_max,
            now_ms: BEGIN_MS,
            faults,
            is_calm: false,
            away_until_ms: 0,
            next_record: 0,
            next_append_ms: BEGIN_MS,
            saved: BTreeMap::new(),
            first_times: BTreeMap::new(),
            played: Played::default(),
            tempo,
            story: is_told.then(Vec::new),
            plan,
        };
        world.write_backlog();
        world
    }

    /// One processor, one node, no faults, and everything there before it begins.
    pub fn undisturbed(tape: &'t mut Tape, of: &World<'_>) -> Self {
        let (plan, now_ms) = (Arc::clone(&of.plan), of.now_ms);
        Self {
            tape,
            poison: of.poison.unpaused(),
            patience: Patience::default(),
            flaw: Flaw::None,
            broker: Broker {
                logs: of.broker.logs_as_read(),
                ..Broker::default()
            },
            nodes: Nodes::new(1, false, plan.unwritable()),
            members: BTreeMap::new(),
            members_begun: 0,
            silent_since_ms: BTreeMap::new(),
            records_max: 8,
            now_ms,
            faults: Faults::default(),
            is_calm: true,
            away_until_ms: 0,
            next_record: plan.records.len(),
            next_append_ms: now_ms,
            saved: BTreeMap::new(),
            first_times: BTreeMap::new(),
            played: Played::default(),
            tempo: 1,
            story: None,
            plan,
        }
    }

    pub fn into_story(self) -> Vec<String> {
        self.story.unwrap_or_default()
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let at_ms = self.now_ms - BEGIN_MS;
            story.push(format!(
                "{:>7}.{:03} {}",
                at_ms / 1_000,
                at_ms % 1_000,
                what()
            ));
        }
    }

    /// A choice of the tape; when nothing goes wrong any more, the simplest.
    pub(super) fn draw(&mut self, bound: usize) -> usize {
        if self.is_calm {
            0
        } else {
            self.tape.below(bound)
        }
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        !self.is_calm && self.tape.chance(percent)
    }

    /// Plays both parts, and compares with what an undisturbed processor makes of the same topics.
    pub fn play(&mut self) -> Result<Played, String> {
        for _ in 0..1 + self.draw(3) {
            self.start();
        }
        let steps = 100 + self.draw(STEPS_MAX);
        for _ in 0..steps {
            let actions = self.actions();
            let action = self.choose(&actions);
            self.step(action)?;
            self.now_ms += 1;
        }
        self.calm_down()?;
        let mut tape = Tape::recorded(Vec::new());
        let mut undisturbed = World::undisturbed(&mut tape, self);
        undisturbed.story = self.story.is_some().then(Vec::new);
        let settled = undisturbed.calm_down();
        let settled = settled.map_err(|what| format!("undisturbed: {what}"));
        let outcome = settled.and_then(|()| self.compare(&undisturbed));
        let story = undisturbed.into_story();
        self.say(|| "the undisturbed processor:".to_owned());
        self.story
            .iter_mut()
            .for_each(|whole| whole.extend(story.iter().cloned()));
        outcome?;
        self.played.simulated_ms = self.now_ms - BEGIN_MS;
        self.played.losses = self.nodes.losses;
        self.played.published = self.broker.finalised.len() as u64;
        Ok(self.played)
    }

    /// No more faults, and everybody gets his turn.
    pub(super) fn calm_down(&mut self) -> Result<(), String> {
        self.say(|| "from here on nothing goes wrong any more".to_owned());
        self.is_calm = true;
        self.away_until_ms = 0;
        for member in self.members.values_mut() {
            member.frozen_until_ms = 0;
        }
        self.patience.calm_ms = self.now_ms;
        let within_ms = SETTLED_WITHIN_MS + self.poison.takes_ms();
        let (from_ms, until_ms) = (self.now_ms + NOTICED_WITHIN_MS, self.now_ms + within_ms);
        for turn in 0..CALM_STEPS_MAX {
            if self
                .members
                .values()
                .all(|member| member.life != Life::Running)
            {
                self.start();
            }
            let actions = self.actions();
            let action = match actions.len() {
                0 if self.now_ms >= from_ms && self.is_settled().is_ok() => return Ok(()),
                0 => Action::Time,
                count => actions[turn as usize % count],
            };
            if self.now_ms > until_ms {
                break;
            }
            self.step(action)?;
            self.check_others()?;
        }
        let why = self.is_settled().err().unwrap_or_default();
        Err(format!("it waits for ever: {why}"))
    }

    fn choose(&mut self, actions: &[Action]) -> Action {
        /// A step of somebody counts so much compared with time going on.
        const WEIGHT: usize = 8;
        let fault = usize::from(!self.faults.kinds.is_empty());
        let sum = actions.len() * WEIGHT + self.tempo + fault;
        let drawn = self.tape.below(sum);
        match actions.get(drawn / WEIGHT) {
            Some(action) => *action,
            None if drawn - actions.len() * WEIGHT < self.tempo => Action::Time,
            None => Action::Fault,
        }
    }

    /// All that somebody has to do, but for faults and time.
    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::with_capacity(32);
        for (id, member) in &self.members {
            if self.now_ms >= member.frozen_until_ms {
                self.actions_of(*id, member, &mut actions);
            }
        }
        if self.broker.group.is_complete() {
            actions.push(Action::Generation);
        }
        for (id, since_ms) in &self.silent_since_ms {
            let member = self.members.get(id);
            let is_silent = member.is_none_or(|member| member.frozen_until_ms > self.now_ms);
            let is_known = self.broker.group.members.contains_key(id);
            if is_silent && is_known && self.now_ms - since_ms >= SESSION_MS {
                actions.push(Action::GiveUp(*id));
            }
        }
        if self.now_ms >= self.next_append_ms && self.may_append() {
            actions.push(Action::Append);
        }
        actions
    }

    fn actions_of(&self, id: usize, member: &Member, actions: &mut Vec<Action>) {
        let (client, is_away) = (&member.client, self.now_ms < self.away_until_ms);
        let mut may = |is_possible: bool, action: Action| {
            if is_possible {
                actions.push(action);
            }
        };
        may(self.has_pipeline_step(member), Action::Pipeline(id));
        let stages = &member.stages;
        may(stages.reads(), Action::Read(id));
        may(stages.sends(), Action::Letter(id));
        may(!is_away && self.has_note_step(member), Action::Note(id));
        for conversation in member.running.keys() {
            may(!is_away, Action::Work(id, *conversation));
        }
        for conversation in member.pending.keys() {
            let is_free = !member.running.contains_key(conversation);
            may(is_free, Action::Begin(id, *conversation));
        }
        may(!member.sent.is_empty(), Action::Publish(id));
        may(member.asking.is_some(), Action::Ask(id));
        may(self.has_looking_step(member), Action::Look(id));
        let (fetcher, now_ms) = (&client.fetcher, self.now_ms);
        may(fetcher.turns(now_ms + 2_000), Action::Turn(id));
        may(fetcher.fetches(now_ms), Action::Fetch(id));
        may(fetcher.makes_statistics(now_ms), Action::Measure(id));
        may(client.is_to_pause_or_resume(now_ms), Action::Pause(id));
        may(client.delivers(), Action::Deliver(id));
        let is_free = client.waiting.is_none();
        may(is_free && !client.orders.is_empty(), Action::Obey(id));
        may(is_free && client.has_wanted(), Action::Commit(id));
        may(client.tells_statistics(), Action::Tell(id));
        may(self.has_group_step(id, member), Action::Rebalance(id));
    }

    fn step(&mut self, action: Action) -> Result<(), String> {
        self.played.steps += 1;
        match action {
            Action::Pipeline(id) => return self.pipeline_step(id),
            Action::Work(id, conversation) => return self.work_step(id, conversation),
            Action::Read(id) => self.read_step(id),
            Action::Letter(id) => self.letter_step(id),
            Action::Note(id) => self.note_step(id),
            Action::Begin(id, conversation) => self.begin_work(id, conversation),
            Action::Publish(id) => return self.publish_step(id),
            Action::Ask(id) => return self.ask_step(id),
            Action::Look(id) => self.look_step(id),
            Action::Commit(id) => return self.commit(id),
            Action::Obey(id) => return self.obey(id),
            Action::Rebalance(id) => return self.rebalance(id),
            Action::Deliver(id) => return self.deliver(id),
            Action::Pause(id) => self.pause_or_resume(id),
            Action::Tell(id) => return self.tell_statistics(id),
            Action::Turn(id) => {
                self.client_of(id, |client, now_ms, _| client.fetcher.turn(now_ms + 2_000))
            }
            Action::Fetch(id) => self.client_of(id, |client, now_ms, broker| {
                client.fetcher.fetch(broker, now_ms)
            }),
            Action::Measure(id) => self.client_of(id, |client, now_ms, _| {
                client.fetcher.make_statistics(now_ms)
            }),
            Action::Generation => {
                let partitions: BTreeSet<_> = self.broker.logs.keys().cloned().collect();
                let shift = self.draw(4);
                self.broker.group.complete(&partitions, shift);
                let generation = self.broker.group.generation;
                self.say(|| format!("group: generation {generation} begins"));
            }
            Action::GiveUp(id) => {
                self.say(|| format!("group: gives m{id} up"));
                self.broker.group.remove(id);
            }
            Action::Append => self.append(),
            Action::Fault => self.fault(),
            Action::Time => self.pass_time(),
        }
        Ok(())
    }

    fn pass_time(&mut self) {
        let passed_ms = if self.is_calm {
            self.rest_ms()
        } else {
            [20, 80, 250, 700][self.tape.below(4)]
        };
        self.let_pass(passed_ms);
    }

    /// Lets time go on. Fetching turns within its time, whatever else happens.
    pub(super) fn let_pass(&mut self, passed_ms: i64) {
        let now_ms = self.now_ms + passed_ms;
        for member in self.members.values_mut() {
            member.client.fetcher.turn(now_ms);
        }
        self.now_ms = now_ms;
    }

    /// Until somebody has something to do.
    fn rest_ms(&self) -> i64 {
        let of_members = self.members.values().flat_map(|member| {
            let own_ms = [
                member.next_tick_ms,
                member.next_look_ms,
                member.stages.next_note_ms,
            ];
            own_ms.into_iter().chain(member.client.timers())
        });
        let silent_ms = self
            .silent_since_ms
            .values()
            .map(|since_ms| since_ms + SESSION_MS);
        let timers = of_members.chain(silent_ms).chain([self.next_append_ms]);
        let next_ms = timers.filter(|at_ms| *at_ms > self.now_ms).min();
        next_ms.map_or(REST_MS, |next_ms| REST_MS.min(next_ms - self.now_ms))
    }
}
