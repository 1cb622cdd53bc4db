//! What goes wrong, as the tape says.

use super::broker::Log;
use super::grouping::HEARTBEAT_MS;
use super::member::Life;
use super::poison::Poison;
use super::world::World;
use crate::tape::Tape;
use processor::source::TopicPartition;

/// Most processes at once.
const MEMBERS_MAX: usize = 4;
const OUTAGE_MS_MAX: usize = 8_000;
const FROZEN_MS_MAX: usize = 30_000;
const PAUSE_MS_MAX: usize = 40_000;
const LOST_WRITES_MAX: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Start,
    Stop,
    Crash,
    /// A process is not scheduled for a while: others get its partitions, and then it goes on.
    Freeze,
    /// Nothing happens for a while.
    Pause,
    Lose,
    LoseAll,
    Wipe,
    Outage,
    AddPartition,
    Evict,
    /// A topic is made anew, or a partition loses its end.
    Shrink,
    /// An operator lets everything go on that is paused for its bad records.
    LetGoOn,
}

const ALL: [Fault; 11] = [
    Fault::Start,
    Fault::Stop,
    Fault::Crash,
    Fault::Freeze,
    Fault::Pause,
    Fault::Lose,
    Fault::LoseAll,
    Fault::Wipe,
    Fault::Outage,
    Fault::AddPartition,
    Fault::Evict,
];

const LOSSES: [Fault; 3] = [Fault::Lose, Fault::LoseAll, Fault::Wipe];

/// The faults of one play: few of them, so that each also shows alone.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub kinds: Vec<Fault>,
    /// How often one strikes, of the times when one might.
    percent: usize,
    pub answers_are_lost: bool,
    pub starts_are_unknown: bool,
}

impl Faults {
    pub fn draw(tape: &mut Tape, poison: &Poison) -> Self {
        let kinds = ALL.into_iter().filter(|_| tape.chance(35));
        let mut kinds: Vec<_> = kinds.collect();
        // What the topics have lost must be in the store, and stay there.
        if !kinds.iter().any(|kind| LOSSES.contains(kind)) && tape.chance(70) {
            kinds.push(Fault::Shrink);
        }
        if poison.is_there() && tape.chance(60) {
            kinds.push(Fault::LetGoOn);
        }
        Self {
            kinds,
            percent: *tape.pick(&[4, 15, 60]),
            answers_are_lost: tape.chance(30),
            starts_are_unknown: tape.chance(20),
        }
    }
}

impl World<'_> {
    pub(super) fn fault(&mut self) {
        if !self.tape.chance(self.faults.percent) {
            return;
        }
        let kinds = self.faults.kinds.len();
        let Some(kind) = self
            .faults
            .kinds
            .get(self.tape.below(kinds.max(1)))
            .copied()
        else {
            return;
        };
        self.played.faults += 1;
        let now_ms = self.now_ms;
        let running: Vec<usize> = self
            .members
            .iter()
            .filter(|(_, member)| member.life == Life::Running)
            .map(|(id, _)| *id)
            .collect();
        match kind {
            Fault::Start => {
                if self.members.len() < MEMBERS_MAX && now_ms >= self.away_until_ms {
                    self.start();
                }
            }
            Fault::Lose => {
                let node = self.tape.below(self.nodes.nodes.len());
                self.lose(node);
            }
            Fault::LoseAll => (0..self.nodes.nodes.len()).for_each(|node| self.lose(node)),
            Fault::Wipe => {
                let node = self.tape.below(self.nodes.nodes.len());
                self.say(|| format!("FAULT: node {node} is emptied"));
                self.nodes.wipe(node, now_ms);
            }
            Fault::Outage => {
                let outage_ms = self.tape.below(OUTAGE_MS_MAX) as i64;
                self.say(|| format!("FAULT: the store is away for {outage_ms} ms"));
                self.away_until_ms = now_ms + outage_ms;
            }
            Fault::Pause => {
                let pause_ms = self.tape.below(PAUSE_MS_MAX) as i64;
                self.say(|| format!("FAULT: nothing happens for {pause_ms} ms"));
                self.let_pass(pause_ms);
            }
            Fault::AddPartition => self.add_partition(),
            Fault::Shrink => self.shrink(),
            Fault::LetGoOn => self.let_go_on(),
            Fault::Stop | Fault::Crash | Fault::Freeze | Fault::Evict if running.is_empty() => {}
            Fault::Stop | Fault::Crash | Fault::Freeze | Fault::Evict => {
                let id = *self.tape.pick(&running);
                self.strike(kind, id);
            }
        }
    }

    /// A fault of one process.
    fn strike(&mut self, kind: Fault, id: usize) {
        match kind {
            Fault::Stop => {
                let grace_ms = self.tape.below(3_000) as i64;
                self.stop(id, grace_ms);
            }
            Fault::Crash => {
                self.say(|| format!("FAULT: m{id} crashes"));
                self.members.remove(&id);
                self.silent_since_ms.insert(id, self.now_ms);
            }
            Fault::Freeze => {
                let frozen_ms = self.tape.below(FROZEN_MS_MAX) as i64;
                self.say(|| format!("FAULT: m{id} stands still for {frozen_ms} ms"));
                let unheard_ms = self.tape.below(HEARTBEAT_MS) as i64;
                self.silent_since_ms.insert(id, self.now_ms);
                if let Some(member) = self.members.get_mut(&id) {
                    member.frozen_until_ms = self.now_ms + frozen_ms;
                    member.client.next_heartbeat_ms = member.frozen_until_ms + unheard_ms;
                }
            }
            _ => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.evict();
                }
            }
        }
        if self.members.is_empty() && self.now_ms >= self.away_until_ms {
            self.start();
        }
    }

    fn lose(&mut self, node: usize) {
        let writes = self.tape.below(LOST_WRITES_MAX);
        let lost = self.nodes.lose(node, writes, self.now_ms);
        self.say(|| format!("FAULT: node {node} is back without its last {lost} writes"));
    }

    /// One more partition. Nothing is written there before everybody knows of it.
    fn add_partition(&mut self) {
        let topic = super::plan::TOPICS[0];
        let count = self.broker.counts().get(topic).copied().unwrap_or_default();
        if count < 4 {
            let partition = TopicPartition::new(topic, count);
            self.say(|| format!("FAULT: {partition} is added"));
            self.broker.logs.insert(partition, Log::default());
            self.broker.group.is_rebalancing = !self.broker.group.members.is_empty();
        }
    }
}
