//! GraphQL over WebSockets, by the protocol `graphql-transport-ws`.
//!
//! The library speaks the protocol. This file adds what it leaves out: a bound on the operations of one socket, pings
//! that find dead clients without their help, a limit on how long one message may take to leave, an end when the
//! process stops, and the protocol's close codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::http::{WebSocket as Protocol, WebSocketProtocols, WsMessage};
use async_graphql::{Data, Executor, Request, Response as GraphQlResponse};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures::SinkExt as _;
use futures::stream::{self, SplitSink, SplitStream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::conversations::{Slot, Slots};
use crate::graphql::Schema;
use crate::graphql::error::Code;
use crate::graphql::subscription::Delivery;
use crate::http::{App, refusal};
use crate::metrics::SOCKETS_CLOSED;

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Messages of a client that wait to be looked at. What comes beyond waits in its own network stack.
const WAITING_MESSAGES_MAX: usize = 16;
/// A close frame may hold 125 bytes, two of which are the code.
const CLOSE_REASON_BYTES_MAX: usize = 120;

/// Close codes of the protocol, and those of WebSockets that are used beside them.
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const BAD_REQUEST: u16 = 4400;
    pub(super) const UNAUTHORIZED: u16 = 4401;
    pub(super) const FORBIDDEN: u16 = 4403;
    pub(super) const INIT_TIMEOUT: u16 = 4408;
    pub(super) const TOO_MANY: u16 = 4429;
    pub(super) const SILENT: u16 = 3008;
}

pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let message = "send queries by POST with a JSON body, subscriptions over a WebSocket to this same address";
        return refusal(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
    };
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("open the WebSocket with the subprotocol {SUBPROTOCOL}");
        return refusal(StatusCode::BAD_REQUEST, Code::BadRequest, message);
    }
    let Some(slot) = app.sockets.take() else {
        let message = "as many WebSockets are open as this gateway allows: try again later";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, message);
    };
    let bytes_max = app.config.limits.request_bytes_max;
    upgrade
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
        .on_upgrade(move |socket| {
            let tracker = app.open_sockets.clone();
            tracker.track_future(async move {
                let reason = serve(app, headers, socket).await;
                metrics::counter!(SOCKETS_CLOSED, "reason" => reason).increment(1);
                drop(slot);
            })
        })
}

/// What is known of a socket beside its messages.
#[derive(Debug, Default)]
struct Standing {
    /// The client has said who it is.
    is_known: AtomicBool,
    is_denied: AtomicBool,
    /// Operations that were refused because too many were running.
    refused: AtomicUsize,
}

/// Serves one socket to its end, and says why it ended.
async fn serve(app: Arc<App>, headers: HeaderMap, socket: WebSocket) -> &'static str {
    let live = &app.config.live;
    let standing = Arc::new(Standing::default());
    let (mut sink, mut frames) = socket.split();
    let (sender, input) = mpsc::channel::<Bytes>(WAITING_MESSAGES_MAX);
    let mut input_open = Some(sender);
    let mut output = Box::pin(protocol(&app, headers, &standing, input));
    let keepalive = Duration::from_millis(live.keepalive_ms);
    let write_timeout = Duration::from_millis(live.write_timeout_ms);
    let mut pings = tokio::time::interval(keepalive / 2);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let init_deadline = tokio::time::sleep(Duration::from_millis(live.init_timeout_ms));
    tokio::pin!(init_deadline);
    let mut heard_at = Instant::now();
    let (frame, reason) = loop {
        let message = tokio::select! {
            biased;
            () = app.stopping.cancelled() => break close(code::GOING_AWAY, "the gateway is stopping", "stopping"),
            heard = receive(&mut frames, input_open.as_ref()), if input_open.is_some() => {
                heard_at = Instant::now();
                if !heard {
                    // The protocol ends when nothing more can come in.
                    input_open = None;
                }
                continue;
            }
            message = output.next() => match message {
                None => break (None, "left"),
                Some(WsMessage::Close(given, text)) => {
                    break close(close_code(given, &standing), &text, "protocol");
                }
                Some(WsMessage::Text(text)) => Message::Text(text.into()),
            },
            () = &mut init_deadline, if !standing.is_known.load(Ordering::Relaxed) => {
                break close(code::INIT_TIMEOUT, "Connection initialisation timeout", "init_timeout");
            }
            _ = pings.tick() => {
                if heard_at.elapsed() > keepalive {
                    break close(code::SILENT, "not heard of for too long", "silent");
                }
                Message::Ping(Bytes::new())
            }
        };
        if !send(&mut sink, message, write_timeout).await {
            break (None, "slow");
        }
        if standing.refused.load(Ordering::Relaxed) > live.operations_per_socket_max {
            break close(code::TOO_MANY, "Too many operations at once", "too_many");
        }
    };
    if let Some(frame) = frame {
        send(&mut sink, Message::Close(Some(frame)), write_timeout).await;
    }
    reason
}

fn close(code: u16, text: &str, reason: &'static str) -> (Option<CloseFrame>, &'static str) {
    let text = domain::text::prefix(text, CLOSE_REASON_BYTES_MAX);
    let frame = CloseFrame {
        code,
        reason: text.into(),
    };
    (Some(frame), reason)
}

/// The library closes with the codes of WebSockets where the protocol has its own.
fn close_code(given: u16, standing: &Standing) -> u16 {
    match given {
        1002 if standing.is_denied.load(Ordering::Relaxed) => code::FORBIDDEN,
        1002 => code::BAD_REQUEST,
        1011 => code::UNAUTHORIZED,
        other => other,
    }
}

/// Passes one frame on; false when no more will come. Safe to drop at any point.
async fn receive(frames: &mut SplitStream<WebSocket>, input: Option<&mpsc::Sender<Bytes>>) -> bool {
    let Some(input) = input else {
        return false;
    };
    let Ok(room) = input.reserve().await else {
        return false;
    };
    match frames.next().await {
        Some(Ok(Message::Text(text))) => room.send(text.into()),
        Some(Ok(Message::Binary(bytes))) => room.send(bytes),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
        Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
    }
    true
}

/// False when the client does not take the message in time, or is gone.
async fn send(
    sink: &mut SplitSink<WebSocket, Message>,
    message: Message,
    write_timeout: Duration,
) -> bool {
    matches!(timeout(write_timeout, sink.send(message)).await, Ok(Ok(())))
}

fn protocol(
    app: &Arc<App>,
    headers: HeaderMap,
    standing: &Arc<Standing>,
    input: mpsc::Receiver<Bytes>,
) -> impl stream::Stream<Item = WsMessage> + use<> {
    let executor = Limited {
        schema: app.schema.0.clone(),
        operations: Slots::new(app.config.live.operations_per_socket_max),
        standing: standing.clone(),
    };
    let (app, standing) = (app.clone(), standing.clone());
    Protocol::new(
        executor,
        ReceiverStream::new(input),
        WebSocketProtocols::GraphQLWS,
    )
    .on_connection_init(async move |payload| {
        match app.authenticator.authenticate_payload(&payload, &headers) {
            Ok(requester) => {
                standing.is_known.store(true, Ordering::Relaxed);
                let mut data = Data::default();
                data.insert(requester);
                Ok(data)
            }
            Err(denied) => {
                standing.is_denied.store(true, Ordering::Relaxed);
                Err(Code::Unauthenticated.error(denied.to_string()))
            }
        }
    })
}

/// The schema with a bound on the operations of one socket.
#[derive(Clone)]
struct Limited {
    schema: Schema,
    operations: Slots,
    standing: Arc<Standing>,
}

impl Executor for Limited {
    async fn execute(&self, request: Request) -> GraphQlResponse {
        self.schema.execute(request).await
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, GraphQlResponse> {
        let Some(slot) = self.operations.take() else {
            self.standing.refused.fetch_add(1, Ordering::Relaxed);
            let message = "too many operations are running on this socket: complete some first";
            let answer = GraphQlResponse::from_errors(vec![Code::Busy.server_error(message)]);
            return stream::iter([answer]).boxed();
        };
        let delivery = Delivery::default();
        let request = request.data(delivery.clone());
        let answers = Executor::execute_stream(&self.schema, request, session_data);
        holding(slot, delivery.carry(answers)).boxed()
    }
}

/// Keeps the slot for as long as the stream is kept.
fn holding(
    slot: Slot,
    answers: impl stream::Stream<Item = GraphQlResponse> + Send,
) -> impl stream::Stream<Item = GraphQlResponse> + Send {
    stream::unfold(
        (Box::pin(answers), slot),
        |(mut answers, slot)| async move {
            let answer = answers.next().await?;
            Some((answer, (answers, slot)))
        },
    )
}
