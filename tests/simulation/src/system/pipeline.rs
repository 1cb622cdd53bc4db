//! The pipeline of a member: what it takes next, and how it carries out what the books say.

use super::Flaw;
use super::client::Order;
use super::member::{Life, Member, Piece, Then};
use super::world::World;
use processor::books::{Command, Event, Notice};
use processor::shards::job::Close;
use processor::source::Position;

const TICK_MS: i64 = 1_000;
/// For recording the last progress at a stop.
const RECORD_WITHIN_MS: i64 = 2_000;

/// What a pipeline may take.
#[derive(Clone, Copy, Debug)]
enum Take {
    Event,
    Answer,
    Finished,
    GivenUp,
    Abandoned,
    /// What has changed of the pauses.
    Turns,
    Tick,
    Record,
    LetGo,
    GiveUp,
}

impl World<'_> {
    fn takes(&self, member: &Member) -> Vec<Take> {
        let mut takes = Vec::new();
        let mut may = |is_possible: bool, take| {
            if is_possible {
                takes.push(take);
            }
        };
        let client = &member.client;
        if member.stop_with.is_some() {
            return takes;
        }
        match member.life {
            Life::LettingGo { until_ms, .. } => {
                may(!member.answers.is_empty(), Take::Answer);
                may(self.now_ms >= until_ms, Take::GiveUp);
                return takes;
            }
            Life::Draining { until_ms } => {
                let is_over = member.books.in_flight() == 0 || self.now_ms >= until_ms;
                may(is_over, Take::LetGo);
            }
            Life::Running => {
                // Events are taken before everything else, and surely before the records that belong to them.
                if !client.events.is_empty() {
                    return vec![Take::Event];
                }
                may(self.now_ms >= member.next_tick_ms, Take::Tick);
                may(member.stages.breakers.has_turned(), Take::Turns);
                may(
                    !client.records.is_empty() && member.books.has_room(),
                    Take::Record,
                );
            }
        }
        may(!client.events.is_empty(), Take::Event);
        may(!member.answers.is_empty(), Take::Answer);
        may(!member.finished.is_empty(), Take::Finished);
        may(!member.given_up.is_empty(), Take::GivenUp);
        may(!member.stages.abandoned.is_empty(), Take::Abandoned);
        takes
    }

    pub(super) fn has_pipeline_step(&self, member: &Member) -> bool {
        !self.takes(member).is_empty()
    }

    pub(super) fn pipeline_step(&mut self, id: usize) -> Result<(), String> {
        let takes = self.takes(&self.members[&id]);
        let turn = if self.is_calm {
            self.played.steps as usize % takes.len()
        } else {
            self.draw(takes.len())
        };
        let now_ms = self.now_ms;
        if let Take::GivenUp = takes[turn] {
            return self.bury(id);
        }
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let event = match takes[turn] {
            Take::Event => member.client.events.pop_front(),
            Take::Answer => member.answers.pop_front().map(Event::Store),
            Take::Finished => member.finished.pop_front().map(Event::Done),
            Take::Abandoned => member.stages.abandoned.pop_front().map(Event::Abandoned),
            Take::Turns => return self.act_on_turns(id),
            Take::Tick => {
                member.next_tick_ms = now_ms + TICK_MS;
                self.tell_books(id, Event::Tick)?;
                return match self.poison.is_there() {
                    true => self.tend_to_paused(id),
                    false => Ok(()),
                };
            }
            Take::Record => {
                let read = member.client.records.pop_front();
                read.map(|read| {
                    let record_ms = read.written.timestamp_ms;
                    member.reading = Some(read.written);
                    Event::Read {
                        at: read.at,
                        record_ms,
                        bytes: 1,
                    }
                })
            }
            Take::LetGo => {
                let handover = member.client.handover();
                let until_ms = now_ms + RECORD_WITHIN_MS;
                member.life = Life::LettingGo { handover, until_ms };
                Some(Event::Stopping { handover })
            }
            Take::GiveUp => {
                member.stop_with = Some(Vec::new());
                None
            }
            Take::GivenUp => None,
        };
        event.map_or(Ok(()), |event| self.tell_books(id, event))
    }

    pub(super) fn tell_books(&mut self, id: usize, event: Event) -> Result<(), String> {
        let now_ms = self.now_ms;
        if !matches!(event, Event::Store(_) | Event::Tick) {
            self.say(|| format!("m{id} books: {event:?}"));
        }
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        member.stages.heed(&event);
        for command in member.books.on(event, now_ms) {
            self.carry_out(id, command)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, id: usize, command: Command) -> Result<(), String> {
        if let Command::Work { at, record_ms, .. } = command {
            self.give_work(id, at, record_ms);
            return Ok(());
        }
        if !matches!(command, Command::Ask(_)) {
            self.say(|| format!("m{id} books say: {command:?}"));
        }
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        match command {
            Command::Ask(ask) => {
                if member.asking.is_some() || !member.answers.is_empty() {
                    return Err(format!(
                        "m{id} asks the store two questions at once: {ask:?}"
                    ));
                }
                self.begin_asking(id, ask);
            }
            Command::Commit(commitments) => {
                member.client.orders.push_back(Order::Commit(commitments))
            }
            Command::Seek(partition, to) => {
                member.client.orders.push_back(Order::Seek(partition, to))
            }
            Command::Release { handover, next } => {
                let waiting = member.client.waiting.as_mut();
                if let Some(waiting) = waiting.filter(|waiting| waiting.handover == handover) {
                    waiting.answer = Some(next);
                } else if let Life::LettingGo { handover: last, .. } = member.life
                    && last == handover
                {
                    member.stop_with = Some(next);
                    // Nobody answers revocations any more.
                    if let Some(waiting) = &mut member.client.waiting {
                        waiting.answer.get_or_insert_default();
                    }
                }
            }
            Command::ForgetCaches => {
                member.forget_caches();
                self.played.epochs += 1;
            }
            Command::LeaveAlone(_) => self.played.left_alone += 1,
            Command::Due {
                watermark_ms,
                epoch,
            } => {
                member.due = Some(Close {
                    watermark_ms,
                    epoch,
                })
            }
            Command::Tell(Notice::Breach(commitment)) => {
                return Err(format!(
                    "the books would have committed what is not done: {commitment:?}"
                ));
            }
            Command::Tell(_) | Command::Work { .. } => {}
        }
        Ok(())
    }

    /// A record becomes a dead letter, and is done then.
    fn bury(&mut self, id: usize) -> Result<(), String> {
        let given_up = self.members.get_mut(&id);
        let Some(at) = given_up.and_then(|member| member.given_up.pop_front()) else {
            return Ok(());
        };
        self.say(|| format!("m{id} gives {at} up: a dead letter"));
        self.check_dead_letter(&at)?;
        self.played.dead_letters += 1;
        self.broker
            .dead_letters
            .insert((at.partition.clone(), at.offset));
        if let Some(member) = self.members.get_mut(&id) {
            member.finished.push_back(at);
        }
        Ok(())
    }

    /// A record is read, in plays in which that may fail; in others it goes on at once.
    fn give_work(&mut self, id: usize, at: Position, record_ms: i64) {
        let member = self.members.get_mut(&id);
        let Some((stages, written)) =
            member.and_then(|member| Some((&mut member.stages, member.reading.take()?)))
        else {
            return;
        };
        if self.poison.is_there() {
            stages.begin(at, record_ms, written);
        } else {
            self.send_on(id, at, record_ms, &written.facts);
        }
    }

    /// What a record holds goes to its conversations, to each as a share of the record.
    pub(super) fn send_on(&mut self, id: usize, at: Position, record_ms: i64, facts: &[usize]) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let ticket = member.ticket(Then::Finished(at));
        for fact in facts.iter().copied() {
            let counted_ms = if self.flaw == Flaw::FirstCopyTimes {
                *self.first_times.entry(fact).or_insert(record_ms)
            } else {
                record_ms
            };
            let told = &self.plan.told[fact];
            let (prepared, report) = told.recorded(counted_ms);
            let project = &self.plan.traces[told.trace].project;
            let named = report.conversation.as_deref();
            let named = named.and_then(|id| self.plan.conversation(project, id));
            let without_id = match named {
                Some(conversation) => {
                    member.give(conversation, Piece::Fact(prepared), &[ticket]);
                    None
                }
                None => Some(prepared),
            };
            let trace = self.plan.number_of_trace(told.trace);
            member.give(trace, Piece::Told(report, without_id), &[ticket]);
        }
        member.done(ticket);
    }
}
