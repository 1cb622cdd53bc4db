//! Ports of loopback that a test may give to a program.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Beneath those that Linux gives to outgoing connections, from 32768 on (`net.ipv4.ip_local_port_range`). One of these
/// may be taken by any connection: before the program listens that it was chosen for, or while that is started again.
const PORTS: Range<u16> = 10_000..32_000;

/// A port that nobody listens on and that this process was not given before. Processes begin anywhere in the range, so that
/// those that run at once are not given the same.
///
/// # Panics
/// When all ports of the range are taken, or the system gives no random numbers.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicUsize> = LazyLock::new(|| {
        let first = getrandom::u32().expect("the system gives random numbers");
        AtomicUsize::new(first as usize)
    });
    PORTS
        .map(|_| {
            let position = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS.len();
            PORTS.start + u16::try_from(position).expect("a position among ports")
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("loopback has a free port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_port_is_given_twice_or_to_an_outgoing_connection_or_while_somebody_listens() {
        let listeners: Vec<TcpListener> = (0..20)
            .map(|_| TcpListener::bind(("127.0.0.1", free_port())).expect("the port is free"))
            .collect();
        let taken = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").port());
        let given: Vec<u16> = taken.chain((0..20).map(|_| free_port())).collect();
        let distinct: HashSet<u16> = given.iter().copied().collect();
        assert_eq!(distinct.len(), 40);
        assert!(given.iter().all(|port| PORTS.contains(port)), "{given:?}");
    }
}
