//! Black-box tests of the gateway: over HTTP and WebSockets, on a real Redis that is filled as the processor fills it.

mod schema;
