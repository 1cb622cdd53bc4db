//! GraphQL over WebSockets: `protocol` is what `graphql-transport-ws` says, `session` the life of one socket, `close` how it
//! ends.

mod close;
mod protocol;
mod session;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use runtime::http::Connection;

use crate::graphql::error::Code;
use crate::http::{App, refusal};
use crate::metrics::{SOCKETS, SOCKETS_CLOSED};

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// A message larger than allowed is still read up to so many times the bound, so that its sender can be told why the
/// socket ends: it hears nothing while it sends.
const READ_FACTOR: usize = 4;

pub(crate) fn upgrade(app: Arc<App>, head: Parts, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("open the WebSocket with the subprotocol {SUBPROTOCOL}");
        return refusal(StatusCode::BAD_REQUEST, Code::BadRequest, message);
    }
    let connection = head.extensions.get::<Connection>();
    let address = connection.map_or(Ipv4Addr::UNSPECIFIED.into(), Connection::address);
    let Some(place) = app.sockets.enter(address) else {
        let message = "as many WebSockets are open as this gateway allows: try again later";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, message);
    };
    let bytes_max = app
        .config
        .limits
        .request_bytes_max
        .saturating_mul(READ_FACTOR);
    upgrade
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
        .on_upgrade(move |socket| {
            let tracker = app.open_sockets.clone();
            tracker.track_future(async move {
                let _open = Open::new();
                let reason = session::serve(app, head.headers, place, socket).await;
                metrics::counter!(SOCKETS_CLOSED, "reason" => reason).increment(1);
            })
        })
}

/// A socket in the gauge of those that are open, until dropped: also by a panic.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::gauge!(SOCKETS).increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1.0);
    }
}
