//! The life of one socket: its messages, its operations, pings that find dead clients without their help, a limit on how
//! long one message may take to leave, and an end in order.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Data, Request, Response as GraphQlResponse};
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use axum::http::HeaderMap;
use futures::SinkExt as _;
use futures::stream::{self, BoxStream, SplitSink, SplitStream, StreamExt as _};
use runtime::http::Place;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_stream::StreamMap;
use tokio_util::sync::CancellationToken;

use super::close::{Close, code};
use super::protocol::{Protocol, Step};
use crate::graphql::subscription::Delivery;
use crate::http::App;

/// How long the client has to answer a close, after which nothing more of it is read.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Why a socket ended.
enum End {
    /// We end it.
    Close(Close),
    /// The client has begun to.
    Closed,
    /// Nothing can be said to the client any more, for the reason that metrics know.
    Gone(&'static str),
}

/// The answers of each operation, and `None` behind the last one.
type Operations = StreamMap<String, BoxStream<'static, Option<GraphQlResponse>>>;

struct Session {
    app: Arc<App>,
    headers: HeaderMap,
    protocol: Protocol,
    operations: Operations,
    /// Who it is, once that is known.
    requester: Option<Arc<Data>>,
    place: Place,
    sink: SplitSink<WebSocket, Message>,
    write_timeout: Duration,
    heard_at: Instant,
}

/// Serves one socket to its end, and says why it ended.
pub(super) async fn serve(
    app: Arc<App>,
    headers: HeaderMap,
    (place, leave): (Place, CancellationToken),
    socket: WebSocket,
) -> &'static str {
    let (sink, mut frames) = socket.split();
    let mut session = Session {
        protocol: Protocol::new(app.config.live.operations_per_socket_max),
        operations: StreamMap::new(),
        requester: None,
        place,
        sink,
        write_timeout: Duration::from_millis(app.config.live.write_timeout_ms),
        heard_at: Instant::now(),
        headers,
        app,
    };
    let end = session.run(&mut frames, &leave).await;
    // What runs holds places that others wait for.
    session.operations.clear();
    session.end(end, frames).await
}

impl Session {
    async fn run(&mut self, frames: &mut SplitStream<WebSocket>, leave: &CancellationToken) -> End {
        let app = self.app.clone();
        let live = &app.config.live;
        let keepalive = Duration::from_millis(live.keepalive_ms);
        let mut pings = tokio::time::interval(keepalive / 2);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let init_deadline = tokio::time::sleep(Duration::from_millis(live.init_timeout_ms));
        tokio::pin!(init_deadline);
        loop {
            let outcome = tokio::select! {
                biased;
                () = app.stopping.cancelled() => {
                    Err(End::Close(Close::new(code::GOING_AWAY, "the gateway is stopping", "stopping")))
                }
                () = leave.cancelled() => {
                    let reason = "others need the place: say sooner who you are";
                    Err(End::Close(Close::new(code::INIT_TIMEOUT, reason, "crowded_out")))
                }
                frame = frames.next() => {
                    self.heard_at = Instant::now();
                    self.on_frame(frame).await
                }
                Some((id, answer)) = self.operations.next(), if !self.operations.is_empty() => {
                    self.on_answer(&id, answer).await
                }
                () = &mut init_deadline, if !self.protocol.is_acknowledged() => {
                    let reason = "Connection initialisation timeout";
                    Err(End::Close(Close::new(code::INIT_TIMEOUT, reason, "init_timeout")))
                }
                _ = pings.tick() => {
                    if self.heard_at.elapsed() > keepalive {
                        let reason = "not heard of for too long";
                        Err(End::Close(Close::new(code::SILENT, reason, "silent")))
                    } else {
                        self.send(Message::Ping(Bytes::new())).await
                    }
                }
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn on_frame(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let bytes_max = self.app.config.limits.request_bytes_max;
        match frame {
            Some(Ok(Message::Text(text))) => self.on_message(text.as_bytes()).await,
            Some(Ok(Message::Binary(bytes))) => self.on_message(&bytes).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_))) => Err(End::Closed),
            Some(Err(cause)) => Err(match Close::of_unreadable(cause, bytes_max) {
                Some(close) => End::Close(close),
                None => End::Gone("left"),
            }),
            None => Err(End::Gone("left")),
        }
    }

    async fn on_message(&mut self, text: &[u8]) -> Result<(), End> {
        let bytes_max = self.app.config.limits.request_bytes_max;
        if text.len() > bytes_max {
            return Err(End::Close(Close::too_large(bytes_max)));
        }
        match self.protocol.on(text).map_err(End::Close)? {
            Step::Authenticate(payload) => {
                let authenticator = &self.app.authenticator;
                let payload = payload.unwrap_or_default();
                let requester = authenticator
                    .authenticate_payload(&payload, &self.headers)
                    .map_err(|denied| {
                        End::Close(Close::protocol(code::FORBIDDEN, denied.to_string()))
                    })?;
                let mut data = Data::default();
                data.insert(requester);
                self.requester = Some(Arc::new(data));
                self.place.connection().sign_in();
                let text = self.protocol.acknowledge();
                self.send(Message::Text(text.into())).await
            }
            Step::Send(text) => self.send(Message::Text(text.into())).await,
            Step::Begin { id, request } => {
                let answers = self.begin(*request);
                self.operations.insert(id, answers);
                Ok(())
            }
            Step::End { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            Step::Nothing => Ok(()),
        }
    }

    fn begin(&self, request: Request) -> BoxStream<'static, Option<GraphQlResponse>> {
        let delivery = Delivery::default();
        let request = request.data(delivery.clone());
        let requester = self.requester.clone().unwrap_or_default();
        let schema = self.app.schema.0.clone();
        let answers = schema.execute_stream_with_session_data(request, requester);
        let answers = delivery.carry(answers.boxed());
        answers.map(Some).chain(stream::iter([None])).boxed()
    }

    async fn on_answer(&mut self, id: &str, answer: Option<GraphQlResponse>) -> Result<(), End> {
        let text = match answer {
            Some(answer) => self.protocol.answer(id, &answer),
            None => self.protocol.finished(id),
        };
        if !self.protocol.is_running(id) {
            self.operations.remove(id);
        }
        match text {
            Some(text) => self.send(Message::Text(text.into())).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.write_timeout, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            // It does not take the message in time, or is gone.
            Ok(Err(_)) | Err(_) => Err(End::Gone("slow")),
        }
    }

    /// Both sides say that they close (RFC 6455, 5.5.1): what the client has sent meanwhile is read and forgotten, for a
    /// connection that is closed over unread bytes may lose what was written last.
    async fn end(mut self, end: End, mut frames: SplitStream<WebSocket>) -> &'static str {
        let label = match end {
            End::Close(close) => {
                if self
                    .send(Message::Close(Some(close.frame())))
                    .await
                    .is_err()
                {
                    return close.label;
                }
                close.label
            }
            // The library has prepared the answer; it leaves with the next flush.
            End::Closed => {
                let _ = timeout(self.write_timeout, self.sink.flush()).await;
                "left"
            }
            End::Gone(label) => return label,
        };
        let rest = async { while let Some(Ok(_)) = frames.next().await {} };
        let _ = timeout(CLOSE_WAIT, rest).await;
        label
    }
}
