//! The recorder of a member: a question of the books goes to one node after the other, and anything may come between.

use super::Flaw;
use super::member::Asking;
use super::nodes::lower;
use super::plan::BEGIN_MS;
use super::world::World;
use processor::books::{Answer, Ask};
use store::{Claimed, Found, PartitionProgress, Saved};

impl World<'_> {
    pub(super) fn begin_asking(&mut self, id: usize, ask: Ask) {
        let asking = Asking {
            ask,
            node: 0,
            name: self.nodes.new_name(),
            losses: self.nodes.losses,
            names: Vec::new(),
            is_intact: true,
            is_current: true,
            lowest: None,
            others: Vec::new(),
        };
        if let Some(member) = self.members.get_mut(&id) {
            member.asking = Some(asking);
        }
    }

    pub(super) fn ask_step(&mut self, id: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let Some(mut asking) = member.asking.take() else {
            return Ok(());
        };
        if self.now_ms < self.away_until_ms {
            self.say(|| format!("m{id} store: fails {:?}", kind(&asking.ask)));
            return self.answer(id, Answer::Failed);
        }
        self.ask_node(&mut asking);
        if self.loses_answer() {
            self.say(|| format!("m{id} store: the answer to {:?} is lost", kind(&asking.ask)));
            return self.answer(id, Answer::Failed);
        }
        asking.node += 1;
        if asking.node < self.nodes.nodes.len() {
            if let Some(member) = self.members.get_mut(&id) {
                member.asking = Some(asking);
            }
            return Ok(());
        }
        let answer = self.answer_of(asking, id)?;
        self.answer(id, answer)
    }

    fn answer(&mut self, id: usize, answer: Answer) -> Result<(), String> {
        self.say(|| format!("m{id} store: {}", shown(&answer)));
        if let Some(member) = self.members.get_mut(&id) {
            member.answers.push_back(answer);
        }
        Ok(())
    }

    /// Whether the topic of finalised conversations refuses what it is sent.
    pub(super) fn refuses(&mut self) -> bool {
        self.faults.answers_are_lost && self.chance(20)
    }

    pub(super) fn loses_answer(&mut self) -> bool {
        self.faults.answers_are_lost && self.chance(2)
    }

    fn ask_node(&mut self, asking: &mut Asking) {
        let (node, now_ms) = (asking.node, self.now_ms);
        match &asking.ask {
            Ask::Look => {
                let (epoch, is_intact, partitions) = self.nodes.look(node, &asking.name, now_ms);
                asking.names.push(epoch);
                asking.is_intact &= is_intact;
                asking.lowest = Some(match asking.lowest.take() {
                    None => partitions,
                    Some(lowest) => lower(lowest, &partitions),
                });
            }
            Ask::BeginEpoch { found, partitions } => {
                let name = &asking.name;
                self.nodes
                    .begin_epoch(node, &found.epoch, name, partitions, now_ms);
            }
            Ask::Claim {
                epoch,
                owner,
                partitions,
            } => {
                asking.is_current &= self.nodes.claim(node, epoch, owner, partitions, now_ms);
            }
            Ask::Save {
                epoch,
                owner,
                partitions,
            } => match self.nodes.save(node, epoch, owner, partitions, now_ms) {
                Some(others) => asking.others.extend(others),
                None => asking.is_current = false,
            },
        }
    }

    fn answer_of(&mut self, mut asking: Asking, id: usize) -> Result<Answer, String> {
        asking.others.sort();
        asking.others.dedup();
        Ok(match &asking.ask {
            Ask::Look => Answer::Looked(self.found(&mut asking)),
            Ask::BeginEpoch { .. } => Answer::EpochBegun,
            Ask::Claim { .. } if asking.is_current => Answer::Claimed(Claimed::Yes),
            Ask::Claim { .. } => Answer::Claimed(Claimed::EpochOver),
            Ask::Save { .. } if !asking.is_current => Answer::Saved(Saved::EpochOver),
            Ask::Save { partitions, .. } => {
                let is_saved = |progress: &&PartitionProgress| {
                    let name = (progress.topic.clone(), progress.partition);
                    !asking.others.contains(&name)
                };
                let saved: Vec<_> = partitions.iter().filter(is_saved).collect();
                self.check_saved(id, &saved, asking.losses)?;
                if asking.others.is_empty() {
                    Answer::Saved(Saved::Yes)
                } else {
                    self.played.refused_saves += 1;
                    Answer::Saved(Saved::NotOwner(asking.others))
                }
            }
        })
    }

    fn found(&mut self, asking: &mut Asking) -> Found {
        let mut partitions = asking.lowest.take().unwrap_or_default();
        if self.flaw == Flaw::SilentPartitions && !partitions.is_empty() {
            for partition in self.broker.logs.keys() {
                let name = (partition.topic.to_string(), partition.partition);
                partitions.entry(name.clone()).or_insert(PartitionProgress {
                    topic: name.0,
                    partition: name.1,
                    points: Vec::new(),
                    watermark_ms: Some(i64::MAX / 2),
                });
            }
        }
        Found {
            epoch: self.nodes.epoch(std::mem::take(&mut asking.names)),
            is_intact: asking.is_intact,
            partitions: partitions.into_values().collect(),
        }
    }
}

fn kind(ask: &Ask) -> &'static str {
    match ask {
        Ask::Look => "look",
        Ask::BeginEpoch { .. } => "begin an epoch",
        Ask::Claim { .. } => "claim",
        Ask::Save { .. } => "save",
    }
}

/// An answer in a line.
fn shown(answer: &Answer) -> String {
    let Answer::Looked(found) = answer else {
        return format!("{answer:?}");
    };
    let partitions = found.partitions.iter().map(|known| {
        let points = known.points.iter();
        let points: Vec<_> = points
            .map(|point| format!("{}@{}", point.next_offset, point.at_ms - BEGIN_MS))
            .collect();
        let watermark_ms = known
            .watermark_ms
            .map(|watermark_ms| watermark_ms - BEGIN_MS);
        format!(
            "{}/{} {points:?} {watermark_ms:?}",
            known.topic, known.partition
        )
    });
    let partitions: Vec<_> = partitions.collect();
    let state = if found.is_intact { "intact" } else { "MOVED" };
    format!("{state} {:?}: {}", found.epoch, partitions.join("; "))
}
