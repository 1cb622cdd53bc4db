//! The poll threads of the members, and what the group tells them.

use super::broker::Broker;
use super::client::{Client, Order};
use super::member::{Life, Member};
use super::stages::Stages;
use super::world::World;
use super::{Flaw, checks};

/// A revocation is answered within so long, or what was asked for before is committed.
const REVOKE_WAIT_MS: i64 = 3_000;
/// A member hears from its group so often.
pub const HEARTBEAT_MS: usize = 2_000;
/// Fetching takes over a new position within so long.
const TURNS_WITHIN_MS: usize = 2_000;

impl World<'_> {
    pub(super) fn client_of(&mut self, id: usize, act: impl FnOnce(&mut Client, i64, &Broker)) {
        if let Some(member) = self.members.get_mut(&id) {
            act(&mut member.client, self.now_ms, &self.broker);
        }
    }

    pub(super) fn deliver(&mut self, id: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let handed_on = member.client.deliver(self.now_ms)?;
        self.played.begun_anew += std::mem::take(&mut member.client.begun_anew);
        for at in handed_on {
            self.say(|| format!("m{id} client: hands on {at}, generation {}", at.generation));
        }
        Ok(())
    }

    pub(super) fn pause_or_resume(&mut self, id: usize) {
        let turn_ms = self.draw(TURNS_WITHIN_MS) as i64;
        let now_ms = self.now_ms;
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let paused = member.client.pause_or_resume(now_ms, turn_ms);
        self.played.pauses += u64::from(paused.pauses_all);
        self.say(|| format!("m{id} client: {paused}"));
    }

    pub(super) fn tell_statistics(&mut self, id: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let events = member.client.events.len();
        member.client.tell_statistics(&self.broker, self.now_ms)?;
        self.played.begun_anew += std::mem::take(&mut member.client.begun_anew);
        let told: Vec<_> = member.client.events.iter().skip(events).cloned().collect();
        for event in told {
            self.say(|| format!("m{id} client: tells {event:?}"));
            // What such an end does is to be found.
            if self.flaw != Flaw::BelievedEnds {
                self.check_end(&event)?;
            }
        }
        Ok(())
    }

    /// Whether the group has something to say to a member, or it to the group.
    pub(super) fn has_group_step(&self, id: usize, member: &Member) -> bool {
        if let Some(waiting) = &member.client.waiting {
            return waiting.answer.is_some() || self.now_ms >= waiting.until_ms;
        }
        if member.stop_with.is_some() {
            return member.client.orders.is_empty();
        }
        if self.now_ms < member.client.next_heartbeat_ms {
            return false;
        }
        let group = &self.broker.group;
        match group.members.get(&id) {
            None => true,
            Some(membership) if membership.is_joined => false,
            Some(membership) => {
                group.is_rebalancing || membership.generation != member.client.group_generation
            }
        }
    }

    pub(super) fn rebalance(&mut self, id: usize) -> Result<(), String> {
        let next_ms = self.now_ms + self.draw(HEARTBEAT_MS) as i64;
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        if member.client.waiting.is_some() {
            return self.give_away(id);
        }
        if let Some(last) = member.stop_with.take() {
            return self.leave(id, last);
        }
        member.client.next_heartbeat_ms = next_ms;
        let Some(membership) = self.broker.group.members.get(&id) else {
            if !member.client.owned.is_empty() {
                member.client.lose(self.now_ms);
                self.played.lost_partitions += 1;
                self.say(|| format!("m{id} client: has lost its partitions"));
            }
            self.broker.group.join(id);
            self.say(|| format!("m{id} client: joins"));
            return Ok(());
        };
        let is_new = membership.generation != member.client.group_generation;
        // It may learn of the generation that it has joined when the next one is asked for already.
        if is_new && (!self.broker.group.is_rebalancing || self.chance(50)) {
            self.assign(id);
        } else if self.broker.group.is_rebalancing {
            self.revoke(id);
        }
        Ok(())
    }

    fn assign(&mut self, id: usize) {
        let membership = self.broker.group.members[&id].clone();
        let starts: Vec<(bool, i64)> = membership
            .partitions
            .iter()
            .map(|_| {
                let is_unknown = self.faults.starts_are_unknown && self.chance(10);
                (is_unknown, self.draw(TURNS_WITHIN_MS) as i64)
            })
            .collect();
        let mut starts = starts.into_iter();
        let now_ms = self.now_ms;
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.client.group_generation = membership.generation;
        let draw = || starts.next().unwrap_or_default();
        member
            .client
            .assigned(&membership.partitions, &self.broker, now_ms, draw);
        let told = member.client.events.back().cloned();
        self.say(|| format!("m{id} client: {told:?}"));
    }

    fn revoke(&mut self, id: usize) {
        let until_ms = self.now_ms + REVOKE_WAIT_MS;
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if member.client.owned.is_empty() {
            self.broker.group.join(id);
            return self.say(|| format!("m{id} client: joins"));
        }
        member.client.revoke(until_ms);
        self.say(|| format!("m{id} client: is to give its partitions away"));
    }

    fn give_away(&mut self, id: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let waiting = member.client.waiting.take();
        let last = waiting
            .and_then(|waiting| waiting.answer)
            .unwrap_or_default();
        let breach = member.client.want(last);
        checks::no_breach(breach)?;
        self.commit(id)?;
        if let Some(member) = self.members.get_mut(&id) {
            member.client.forget(self.now_ms);
        }
        self.say(|| format!("m{id} client: has given its partitions away"));
        if self.broker.group.members.contains_key(&id) {
            self.broker.group.join(id);
        }
        Ok(())
    }

    fn leave(&mut self, id: usize, last: Vec<processor::source::Commitment>) -> Result<(), String> {
        if let Some(member) = self.members.get_mut(&id) {
            checks::no_breach(member.client.want(last))?;
        }
        self.commit(id)?;
        self.broker.group.remove(id);
        self.members.remove(&id);
        self.say(|| format!("m{id} has stopped"));
        Ok(())
    }

    pub(super) fn obey(&mut self, id: usize) -> Result<(), String> {
        let turn_ms = self.draw(TURNS_WITHIN_MS) as i64;
        let now_ms = self.now_ms;
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        match member.client.orders.pop_front() {
            Some(Order::Commit(commitments)) => checks::no_breach(member.client.want(commitments)),
            Some(Order::StandStill(partitions)) => {
                member.client.stand_still(partitions);
                Ok(())
            }
            Some(Order::Seek(partition, to)) => {
                member.client.seek(&partition, to, now_ms, turn_ms);
                self.say(|| format!("m{id} client: reads {partition} from {to:?}"));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Sends what is to be committed. The coordinator takes it from members of the present generation only.
    pub(super) fn commit(&mut self, id: usize) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let wanted = member.client.take_wanted();
        let generation = member.client.group_generation;
        if !self.broker.group.takes_commits(id, generation) {
            self.played.refused_commits += 1;
            self.say(|| format!("group: refuses a commit of m{id}"));
            return Ok(());
        }
        for (partition, (offset, time_ms)) in wanted {
            self.say(|| format!("group: m{id} commits {partition} to {offset}"));
            self.check_commit(&partition, offset)?;
            self.broker
                .group
                .committed
                .insert(partition, (offset, time_ms));
        }
        Ok(())
    }

    /// A new process begins: it looks where the store stands, and joins the group when it gets to it.
    pub(super) fn start(&mut self) {
        let name = self.nodes.new_name();
        let now_ms = self.now_ms;
        let mut names = Vec::new();
        for node in 0..self.nodes.nodes.len() {
            names.push(self.nodes.look(node, &name, now_ms).0);
        }
        let epoch = self.nodes.epoch(names);
        let id = self.members_begun;
        self.members_begun += 1;
        let stages = Stages::new(self.poison.limits, now_ms);
        let member = Member::new(format!("m{id}"), epoch, stages, self);
        self.members.insert(id, member);
        self.say(|| format!("m{id} starts"));
    }

    /// A member is told to stop, and gets some time for what is in flight.
    pub(super) fn stop(&mut self, id: usize, grace_ms: i64) {
        let until_ms = self.now_ms + grace_ms;
        if let Some(member) = self.members.get_mut(&id)
            && member.life == Life::Running
        {
            member.life = Life::Draining { until_ms };
            self.say(|| format!("m{id} is told to stop"));
        }
    }
}
