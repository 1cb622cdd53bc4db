//! Between the books and the work of a member: records are judged by the real [`Breakers`], some are left undone, and what
//! cannot be read becomes a dead letter. And how what is paused is written down and found, as
//! `processor::out::dead_letters::record` does.

use super::Flaw;
use super::broker::Written;
use super::client::Order;
use super::member::{Life, Member};
use super::nodes::Nodes;
use super::world::World;
use processor::books::Event;
use processor::out::dead_letters::DeadLetterLimits;
use processor::out::dead_letters::breaker::{Breakers, Pause, Turn, Verdict};
use processor::source::{Position, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How often it is looked which partitions are paused.
const NOTE_EVERY_MS: i64 = 1_000;
/// The node that holds which partitions are paused.
const PAUSES_NODE: usize = 0;

type Pauses = BTreeMap<TopicPartition, Pause>;

/// A record that is being read.
#[derive(Debug)]
struct Reading {
    at: Position,
    record_ms: i64,
    written: Arc<Written>,
}

/// A step of keeping the store's record and the breakers in line.
#[derive(Debug)]
enum Noting {
    Write(VecDeque<(TopicPartition, Option<Pause>)>),
    Look,
    Found(Arc<Pauses>),
}

#[derive(Debug)]
pub struct Stages {
    pub breakers: Breakers,
    reading: Vec<Reading>,
    /// Records whose dead letters are on their way, with their numbers.
    letters: Vec<(Position, usize)>,
    /// Records that were left undone.
    pub abandoned: VecDeque<Position>,
    noting: Option<Noting>,
    pub next_note_ms: i64,
}

impl Stages {
    pub fn new(limits: DeadLetterLimits, now_ms: i64) -> Self {
        Self {
            breakers: Breakers::new(limits),
            reading: Vec::new(),
            letters: Vec::new(),
            abandoned: VecDeque::new(),
            noting: None,
            next_note_ms: now_ms,
        }
    }

    pub fn begin(&mut self, at: Position, record_ms: i64, written: Arc<Written>) {
        self.reading.push(Reading {
            at,
            record_ms,
            written,
        });
    }

    pub fn reads(&self) -> bool {
        !self.reading.is_empty()
    }

    pub fn sends(&self) -> bool {
        !self.letters.is_empty()
    }

    pub fn is_idle(&self) -> bool {
        self.reading.is_empty() && self.letters.is_empty() && self.abandoned.is_empty()
    }

    /// What the books are about to be told of partitions, the breakers are told before.
    pub fn heed(&mut self, event: &Event) {
        match event {
            Event::Assigned(begun) => {
                let begun = begun.iter().map(|begun| begun.partition.clone());
                begun.for_each(|begun| self.breakers.begin(begun));
            }
            Event::Revoked { partitions, .. } | Event::Lost(partitions) => {
                partitions
                    .iter()
                    .for_each(|gone| self.breakers.forget(gone));
            }
            _ => {}
        }
    }

    fn open(&self) -> BTreeSet<TopicPartition> {
        let paused = self.breakers.pauses().map(|(partition, _)| partition);
        let open = paused.filter(|partition| self.breakers.is_open(partition));
        open.cloned().collect()
    }
}

impl World<'_> {
    /// A record was read, or could not be.
    pub(super) fn read_step(&mut self, id: usize) {
        let reading = self.members[&id].stages.reading.len();
        let (chosen, now_ms, flaw) = (self.draw(reading), self.now_ms, self.flaw);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Reading {
            at,
            record_ms,
            written,
        } = member.stages.reading.remove(chosen);
        let why = written.bad.map(|number| format!("record {number} is bad"));
        let breakers = &mut member.stages.breakers;
        let verdict = breakers.judge(&at.partition, why.as_deref(), now_ms);
        match (verdict, written.bad) {
            (Verdict::Abandon, _) => {
                match flaw {
                    Flaw::AbandonedIsDone => member.finished.push_back(at.clone()),
                    _ => member.stages.abandoned.push_back(at.clone()),
                }
                self.played.abandoned += 1;
                self.say(|| format!("m{id} leaves {at} undone"));
            }
            (Verdict::GoOn, Some(number)) => member.stages.letters.push((at, number)),
            (Verdict::GoOn, None) => self.send_on(id, at, record_ms, &written.facts),
        }
    }

    /// The topic of dead letters refuses one, or has it; its answer may be lost.
    pub(super) fn letter_step(&mut self, id: usize) {
        let letters = self.members[&id].stages.letters.len();
        let chosen = self.draw(letters);
        let (is_refused, is_lost) = (self.refuses(), self.loses_answer());
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let (at, number) = member.stages.letters[chosen].clone();
        if is_refused {
            return self.say(|| format!("m{id} letters: the topic refuses {at}"));
        }
        self.broker.letters.insert(number);
        self.played.letters += 1;
        if !is_lost {
            member.stages.letters.remove(chosen);
            member.finished.push_back(at.clone());
        }
        self.say(|| format!("m{id} letters: the topic has {at}"));
    }

    /// What has changed of the pauses.
    pub(super) fn act_on_turns(&mut self, id: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        for turn in member.stages.breakers.take_turns() {
            self.say(|| format!("m{id} breakers: {turn:?}"));
            match turn {
                Turn::Paused(_, pause) => {
                    self.played.paused += 1;
                    self.played.trials_failed += u64::from(pause.trials > 0);
                }
                Turn::ReadsAgain(partition) => {
                    self.played.read_again += 1;
                    self.tell_books(id, Event::ReadAgain(partition))?;
                }
                Turn::GoesOn(_) => self.played.gone_on += 1,
            }
        }
        self.stand_still(id);
        Ok(())
    }

    fn stand_still(&mut self, id: usize) {
        if let Some(member) = self.members.get_mut(&id) {
            let open = member.stages.open();
            member.client.orders.push_back(Order::StandStill(open));
        }
    }

    /// A second has passed: pauses end, and time does not wait for ever.
    pub(super) fn tend_to_paused(&mut self, id: usize) -> Result<(), String> {
        let now_ms = self.now_ms;
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        member.stages.breakers.tick(now_ms);
        self.act_on_turns(id)?;
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let passed_by: Vec<_> = member.stages.breakers.passed_by(now_ms).cloned().collect();
        for partition in passed_by {
            if self.flaw == Flaw::EndlessHolds {
                break;
            }
            self.played.passed_by += 1;
            let until_ms = now_ms;
            self.tell_books(
                id,
                Event::PassedBy {
                    partition,
                    until_ms,
                },
            )?;
        }
        self.stand_still(id);
        Ok(())
    }

    pub(super) fn has_note_step(&self, member: &Member) -> bool {
        let stages = &member.stages;
        let begins = self.now_ms >= stages.next_note_ms && member.life == Life::Running;
        self.poison.is_there() && (stages.noting.is_some() || begins)
    }

    /// One step of a round of the keeper of pauses.
    pub(super) fn note_step(&mut self, id: usize) {
        let (now_ms, is_lost) = (self.now_ms, self.loses_answer());
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let stages = &mut member.stages;
        let noting = match stages.noting.take() {
            None => {
                stages.next_note_ms = now_ms + NOTE_EVERY_MS;
                Noting::Write(stages.breakers.unrecorded().into())
            }
            Some(Noting::Write(mut writes)) => match writes.pop_front() {
                None => Noting::Look,
                Some((partition, pause)) => {
                    self.nodes.note_pause(&partition, pause.clone(), now_ms);
                    if is_lost {
                        // The next round writes it again.
                        return;
                    }
                    stages.breakers.recorded(&partition, pause);
                    Noting::Write(writes)
                }
            },
            Some(Noting::Look) => Noting::Found(self.nodes.pauses()),
            Some(Noting::Found(found)) => return stages.breakers.found(&found),
        };
        stages.noting = Some(noting);
    }

    /// An operator lets everything go on that is paused.
    pub(super) fn let_go_on(&mut self) {
        self.say(|| "operator: whatever is paused goes on".to_owned());
        for partition in self.nodes.pauses().keys() {
            self.nodes.note_pause(partition, None, self.now_ms);
            self.played.let_go_on += 1;
        }
    }
}

impl Nodes {
    /// What is written down of all partitions.
    pub fn pauses(&self) -> Arc<Pauses> {
        Arc::clone(&self.nodes[PAUSES_NODE].held.pauses)
    }

    fn note_pause(&mut self, partition: &TopicPartition, pause: Option<Pause>, now_ms: i64) {
        let pauses = Arc::make_mut(&mut self.nodes[PAUSES_NODE].held.pauses);
        match pause {
            Some(pause) => pauses.insert(partition.clone(), pause),
            None => pauses.remove(partition),
        };
        self.wrote(PAUSES_NODE, now_ms);
    }
}
