//! Follows one conversation for everyone who listens to it: reads what is new once, and hands out the changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::Digest;
use domain::view::{Change, View};
use parking_lot::Mutex;
use store::Summary;
use tokio::sync::{Notify, broadcast};

use super::log_fingerprint::Point;
use super::reader::{ConversationReader, ReadError};

/// What happens to a followed conversation.
#[derive(Clone, Debug)]
pub enum Step {
    /// The changes from one position to a later one. May be empty: then only facts that are not shown were added.
    Changes(Arc<Changes>),
    Ended(Ended),
}

#[derive(Debug)]
pub struct Changes {
    pub from: Point,
    pub to: Point,
    pub changes: Vec<Change>,
    pub summary: Arc<Summary>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It expired or was deleted.
    Gone,
    /// Its log no longer passes through where it was followed to.
    Rebuilt,
}

/// One listener's end: where the conversation stood when it began to listen, and all steps from there on.
#[derive(Debug)]
pub struct Following {
    pub at: Point,
    pub view: Arc<View>,
    /// `None` while there is no such conversation.
    pub summary: Option<Arc<Summary>>,
    pub steps: broadcast::Receiver<Step>,
    /// Lets the follower notice that nobody listens any more.
    leaving: Leaving,
}

impl Following {
    pub(super) fn follower(&self) -> &Arc<Follower> {
        &self.leaving.0
    }
}

#[derive(Debug)]
struct Leaving(Arc<Follower>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.wake.notify_one();
    }
}

#[derive(Debug)]
pub(super) struct Follower {
    digest: Digest,
    reader: ConversationReader,
    /// Held while a step is made, so that steps come one after the other.
    stepping: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    steps: broadcast::Sender<Step>,
    pub(super) wake: Notify,
}

#[derive(Debug)]
struct State {
    at: Point,
    view: Arc<View>,
    summary: Option<Arc<Summary>>,
    /// Nobody steps any more, and nobody may begin to listen.
    is_over: bool,
}

impl Follower {
    pub(super) fn new(
        digest: Digest,
        reader: ConversationReader,
        buffer_steps: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            digest,
            reader,
            stepping: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                at: Point::START,
                view: Arc::default(),
                summary: None,
                is_over: false,
            }),
            steps: broadcast::Sender::new(buffer_steps),
            wake: Notify::new(),
        })
    }

    /// Begins to listen, unless it is over. What is returned and the steps that follow fit together without a gap.
    pub(super) fn listen(self: &Arc<Self>) -> Option<Following> {
        // Steps are sent under this lock, so none falls between the position and the receiver.
        let state = self.state.lock();
        (!state.is_over).then(|| Following {
            at: state.at,
            view: state.view.clone(),
            summary: state.summary.clone(),
            steps: self.steps.subscribe(),
            leaving: Leaving(self.clone()),
        })
    }

    pub(super) fn is_listened_to(&self) -> bool {
        self.steps.receiver_count() > 0
    }

    /// Reads what is committed and hands out the difference. False when the conversation has ended.
    pub(super) async fn step(&self) -> Result<bool, ReadError> {
        let _turn = self.stepping.lock().await;
        let (at, view, was_known) = {
            let state = self.state.lock();
            if state.is_over {
                return Ok(false);
            }
            (state.at, state.view.clone(), state.summary.is_some())
        };
        let Some(folded) = self.reader.latest(&self.digest).await? else {
            // One that does not exist yet may still come.
            if was_known {
                self.end(Ended::Gone);
            }
            return Ok(!was_known);
        };
        if !folded.passed(at) {
            self.end(Ended::Rebuilt);
            return Ok(false);
        }
        let changes = self.reader.changes(view, folded.view.clone()).await?;
        let to = folded.point();
        let mut state = self.state.lock();
        state.at = to;
        state.view = folded.view.clone();
        state.summary = Some(folded.summary.clone());
        if to != at {
            // Nobody listening is no error: the next listener finds the state.
            let _ = self.steps.send(Step::Changes(Arc::new(Changes {
                from: at,
                to,
                changes,
                summary: folded.summary.clone(),
            })));
        }
        Ok(true)
    }

    pub(super) fn end(&self, ended: Ended) {
        let mut state = self.state.lock();
        state.is_over = true;
        let _ = self.steps.send(Step::Ended(ended));
    }

    /// Steps at every wake-up until the conversation ends or nobody listens; `leave` answers whether that is final.
    pub(super) async fn run(&self, pace: Pace, leave: impl Fn() -> bool) {
        let mut retry = pace.step;
        loop {
            // A wake-up may be lost, so now and then it is time to look anyway.
            let _ = tokio::time::timeout(pace.recheck, self.wake.notified()).await;
            if !self.is_listened_to() && leave() {
                return;
            }
            let begun = Instant::now();
            match self.step().await {
                Ok(true) => {
                    retry = pace.step;
                    // A large conversation that changes all the time may take a third of a processor, no more.
                    tokio::time::sleep(pace.step.max(begun.elapsed() * 2)).await;
                }
                Ok(false) => return,
                Err(cause) => {
                    tracing::warn!(error = %cause, conversation = %self.digest, "cannot follow; trying again");
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(pace.recheck);
                    self.wake.notify_one();
                }
            }
        }
    }
}

/// How often a follower steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Shortest time between two steps.
    pub(super) step: Duration,
    /// Longest time between two looks.
    pub(super) recheck: Duration,
}
