//! GraphQL over WebSockets: `protocol` is what `graphql-transport-ws` says, `session` the life of one socket, `close` how it
//! ends.

mod close;
mod protocol;
mod session;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::graphql::error::Code;
use crate::http::{App, refusal};
use crate::metrics::SOCKETS_CLOSED;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// A message larger than allowed is still read up to so many times the bound, so that its sender can be told why the
/// socket ends: it hears nothing while it sends.
const READ_FACTOR: usize = 4;

pub(crate) fn upgrade(app: Arc<App>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("open the WebSocket with the subprotocol {SUBPROTOCOL}");
        return refusal(StatusCode::BAD_REQUEST, Code::BadRequest, message);
    }
    let Some(slot) = app.sockets.take() else {
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
                let reason = session::serve(app, headers, socket).await;
                metrics::counter!(SOCKETS_CLOSED, "reason" => reason).increment(1);
                drop(slot);
            })
        })
}
