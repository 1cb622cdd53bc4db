//! Who is connected, and who has to leave when it gets too full. Pure but for the tokens that it cancels.
//!
//! Whoever has shown a token keeps its place. Strangers share a small pool, and each address has a share of that; a
//! newcomer beyond either takes the place of the stranger that has been idle longest. So connections that say nothing
//! cost each other, and a client that signs in gets in however many of them there are.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many may be connected at once.
#[derive(Clone, Copy, Debug)]
pub struct Seats {
    /// In all.
    pub connections_max: usize,
    /// Of those that have not signed in.
    pub strangers_max: usize,
    /// Of those from one address.
    pub strangers_per_address_max: usize,
}

/// The places of one port, or of one kind of connection.
#[derive(Debug)]
pub struct Places {
    seats: Seats,
    guests: Mutex<Guests>,
}

#[derive(Debug, Default)]
struct Guests {
    next: u64,
    /// In the order of their coming.
    present: BTreeMap<u64, Guest>,
    /// Those that have not signed in.
    strangers: usize,
}

#[derive(Debug)]
struct Guest {
    address: IpAddr,
    is_known: bool,
    /// Requests that are being answered.
    busy: u32,
    leave: CancellationToken,
}

/// One connection's place, free again when dropped.
#[derive(Debug)]
pub struct Place {
    connection: Connection,
}

/// What a request knows of the connection that it came by.
#[derive(Clone, Debug)]
pub struct Connection {
    id: u64,
    address: IpAddr,
    places: Arc<Places>,
}

impl Places {
    pub fn new(seats: Seats) -> Arc<Self> {
        Arc::new(Self {
            seats,
            guests: Mutex::default(),
        })
    }

    /// A place for a newcomer, and what tells it to leave again; `None` when all are taken by those who have signed in.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<(Place, CancellationToken)> {
        let mut guests = self.guests.lock();
        let of_address = guests.strangers_of(address);
        if of_address >= self.seats.strangers_per_address_max {
            guests.send_away(Some(address))?;
        } else if guests.strangers >= self.seats.strangers_max
            || guests.present.len() >= self.seats.connections_max
        {
            guests.send_away(None)?;
        }
        let id = guests.next;
        guests.next += 1;
        let leave = CancellationToken::new();
        let guest = Guest {
            address,
            is_known: false,
            busy: 0,
            leave: leave.clone(),
        };
        guests.present.insert(id, guest);
        guests.strangers += 1;
        let connection = Connection {
            id,
            address,
            places: Arc::clone(self),
        };
        Some((Place { connection }, leave))
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Guest)) {
        if let Some(guest) = self.guests.lock().present.get_mut(&id) {
            change(guest);
        }
    }
}

impl Guests {
    fn strangers_of(&self, address: IpAddr) -> usize {
        let strangers = self.present.values().filter(|guest| !guest.is_known);
        strangers.filter(|guest| guest.address == address).count()
    }

    /// Sends the stranger away that is idle and came first, else the one that came first.
    fn send_away(&mut self, address: Option<IpAddr>) -> Option<()> {
        let is_meant = |guest: &&Guest| {
            !guest.is_known && address.is_none_or(|address| guest.address == address)
        };
        let strangers = || self.present.iter().filter(|(_, guest)| is_meant(guest));
        let idle = strangers().find(|(_, guest)| guest.busy == 0);
        let (id, _) = idle.or_else(|| strangers().next())?;
        let id = *id;
        self.remove(id)?.leave.cancel();
        Some(())
    }

    fn remove(&mut self, id: u64) -> Option<Guest> {
        let guest = self.present.remove(&id)?;
        self.strangers -= usize::from(!guest.is_known);
        Some(guest)
    }
}

impl Place {
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection
            .places
            .guests
            .lock()
            .remove(self.connection.id);
    }
}

impl Connection {
    /// Where it comes from: a client, or a proxy before it.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whoever is connected has shown who it is: it keeps its place.
    pub fn sign_in(&self) {
        let mut guests = self.places.guests.lock();
        let Some(guest) = guests.present.get_mut(&self.id) else {
            return;
        };
        if !std::mem::replace(&mut guest.is_known, true) {
            guests.strangers -= 1;
        }
    }

    pub(super) fn begin_request(&self) -> Request {
        self.places.change(self.id, |guest| guest.busy += 1);
        Request(self.clone())
    }
}

/// A request that is being answered, until dropped.
#[derive(Debug)]
pub(super) struct Request(Connection);

impl Drop for Request {
    fn drop(&mut self) {
        let Connection { id, places, .. } = &self.0;
        places.change(*id, |guest| guest.busy -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    fn places(connections_max: usize, strangers_max: usize, per_address: usize) -> Arc<Places> {
        Places::new(Seats {
            connections_max,
            strangers_max,
            strangers_per_address_max: per_address,
        })
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_stranger_that_is_idle_longest() {
        let places = places(9, 3, 9);
        let first = places.enter(address(1)).expect("a place");
        let second = places.enter(address(2)).expect("a place");
        let third = places.enter(address(3)).expect("a place");
        first.0.connection().sign_in();
        let _fourth = places
            .enter(address(4))
            .expect("a place beside the one who signed in");
        assert!(!second.1.is_cancelled());
        let busy = second.0.connection().begin_request();
        let _fifth = places.enter(address(5)).expect("a place");
        assert!(third.1.is_cancelled(), "the second is busy");
        drop(busy);
        let _sixth = places.enter(address(6)).expect("a place");
        assert!(second.1.is_cancelled() && !first.1.is_cancelled());
    }

    #[test]
    fn an_address_has_its_share_and_its_newcomers_cost_its_own() {
        let places = places(9, 9, 2);
        let other = places.enter(address(1)).expect("a place");
        let own = [0; 2].map(|_| places.enter(address(2)).expect("a place"));
        let _next = places.enter(address(2)).expect("a place");
        assert!(own[0].1.is_cancelled() && !own[1].1.is_cancelled());
        assert!(!other.1.is_cancelled());
    }

    #[test]
    fn those_who_signed_in_are_never_sent_away() {
        let places = places(2, 2, 2);
        let known = [1, 2].map(|last| places.enter(address(last)).expect("a place"));
        known
            .iter()
            .for_each(|(place, _)| place.connection().sign_in());
        assert!(places.enter(address(3)).is_none());
        let [(place, _), _] = known;
        drop(place);
        assert!(places.enter(address(3)).is_some());
    }

    #[test]
    fn whoever_was_sent_away_leaves_nothing_behind() {
        let places = places(1, 1, 1);
        let first = places.enter(address(1)).expect("a place");
        let second = places.enter(address(2)).expect("a place");
        first.0.connection().sign_in();
        drop(first);
        drop(second);
        assert_eq!(places.guests.lock().strangers, 0);
        assert!(places.guests.lock().present.is_empty());
    }
}
