//! Black-box tests of the gateway: over HTTP and WebSockets, on a real Redis that is filled as the processor fills it.

mod access;
mod detail;
mod limits;
mod lists;
mod live;
mod moves;
mod outages;
mod page;
mod process;
mod requests;
mod rows;
mod schema;
mod search;
mod sockets;
mod support;
