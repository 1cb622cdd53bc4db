//! Whether what a subscription tells reaches the client.
//!
//! An event is computed after the subscription has let go of it. One that cannot be is lost, and everything after it would
//! no longer fit: so the stream ends there, with an error that says how to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::{Response, ServerError, Value};
use futures::stream::{self, Stream, StreamExt as _};
use parking_lot::Mutex;

use crate::graphql::error::{Code, code_of};

/// Shared by a subscription and what carries its events to the client. Made for every operation, used by subscriptions.
#[derive(Clone, Debug, Default)]
pub struct Delivery(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    resume: Mutex<Option<Resume>>,
    has_failed: AtomicBool,
}

/// How a client goes on after an event that did not reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    /// From the last cursor that it was given.
    WithCursor,
    /// By reading again what is there.
    Anew,
}

impl Resume {
    fn code(self) -> Code {
        match self {
            Self::WithCursor => Code::ReconnectWithCursor,
            Self::Anew => Code::Reconnect,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::WithCursor => "subscribe again with the last cursor",
            Self::Anew => "read the list and subscribe again",
        }
    }
}

impl Delivery {
    /// What is carried are the events of a subscription.
    pub(super) fn begins(&self, resume: Resume) {
        *self.0.resume.lock() = Some(resume);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.0.has_failed.load(Ordering::Relaxed)
    }

    /// The answers of an operation up to the first event that is none.
    pub fn carry(
        self,
        answers: impl Stream<Item = Response> + Send + Unpin,
    ) -> impl Stream<Item = Response> + Send {
        stream::unfold(Some((answers, self)), |carrying| async {
            let (mut answers, delivery) = carrying?;
            let mut answer = answers.next().await?;
            let resume = *delivery.0.resume.lock();
            let Some(resume) = resume.filter(|_| is_lost(&answer)) else {
                return Some((answer, Some((answers, delivery))));
            };
            delivery.0.has_failed.store(true, Ordering::Relaxed);
            advise(&mut answer, resume);
            Some((answer, None))
        })
    }
}

/// Whether the client does not get of an event what it asked for, and would if it came back; or gets nothing of it. What
/// can never be computed, of an event that is there otherwise, is told beside it.
fn is_lost(answer: &Response) -> bool {
    let is_nothing = match &answer.data {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(|event| *event == Value::Null),
        _ => false,
    };
    answer.is_err() && (is_nothing || answer.errors.iter().any(passes))
}

/// Whether the same event need not meet the error again.
fn passes(error: &ServerError) -> bool {
    let passing = [Code::Timeout, Code::Unavailable, Code::Busy];
    let code = code_of(error);
    passing.iter().any(|passing| code == Some(passing.as_str()))
}

/// Errors that pass become the advice to come back. Others stay as they are: who came back would only meet them again.
fn advise(answer: &mut Response, resume: Resume) {
    for error in answer.errors.iter_mut().filter(|error| passes(error)) {
        let message = format!(
            "an event was not delivered ({}): {}",
            error.message,
            resume.advice()
        );
        let path = std::mem::take(&mut error.path);
        *error = resume.code().server_error(message).with_path(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LimitsConfig;
    use crate::graphql::limits::Limits;
    use async_graphql::{
        Context, EmptyMutation, Error, Object, Request, Schema, SimpleObject, Subscription,
    };

    #[derive(SimpleObject)]
    struct Query {
        is_there: bool,
    }

    /// The third cannot be computed, for one reason or another.
    struct Event {
        number: i32,
        failure: &'static str,
    }

    #[Object]
    impl Event {
        async fn number(&self) -> Result<i32, Error> {
            match (self.number, self.failure) {
                (3, "never") => std::future::pending().await,
                (3, "away") => Err(Code::Unavailable.error("the store is away")),
                (3, "large") => Err(Code::ResponseTooLarge.error("too large")),
                (number, _) => Ok(number),
            }
        }

        async fn perhaps(&self) -> Option<Result<i32, Error>> {
            Some(Err(Code::ResponseTooLarge.error("not this")))
        }
    }

    struct Counting;

    fn events(
        ctx: &Context<'_>,
        resume: Resume,
        failure: &'static str,
    ) -> impl Stream<Item = Event> + use<> {
        ctx.data_unchecked::<Delivery>().begins(resume);
        stream::iter(1..=5).map(move |number| Event { number, failure })
    }

    #[Subscription]
    impl Counting {
        async fn stalled(&self, ctx: &Context<'_>) -> impl Stream<Item = Event> + use<> {
            events(ctx, Resume::WithCursor, "never")
        }

        async fn away(&self, ctx: &Context<'_>) -> impl Stream<Item = Event> + use<> {
            events(ctx, Resume::Anew, "away")
        }

        async fn large(&self, ctx: &Context<'_>) -> impl Stream<Item = Event> + use<> {
            events(ctx, Resume::WithCursor, "large")
        }

        async fn well(&self, ctx: &Context<'_>) -> impl Stream<Item = Event> + use<> {
            events(ctx, Resume::Anew, "")
        }
    }

    /// How many events come, and the code of the error with which the stream ends after them.
    async fn carried(query: &str) -> (usize, Option<String>) {
        let limits = Limits::new(&LimitsConfig::default());
        let schema = Schema::build(Query { is_there: true }, EmptyMutation, Counting)
            .extension(limits)
            .finish();
        let delivery = Delivery::default();
        let request = Request::new(query).data(delivery.clone());
        let answers = delivery.clone().carry(schema.execute_stream(request));
        let mut answers: Vec<Response> = answers.collect().await;
        let lost = answers.pop_if(|_| delivery.has_failed());
        let code = lost.and_then(|lost| lost.errors.first().and_then(code_of).map(str::to_owned));
        (answers.len(), code)
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_is_not_delivered_ends_the_stream_with_advice() {
        for (query, advice) in [
            (
                "subscription { stalled { number } }",
                "RECONNECT_WITH_CURSOR",
            ),
            ("subscription { away { number } }", "RECONNECT"),
            ("subscription { large { number } }", "RESPONSE_TOO_LARGE"),
        ] {
            let (events, code) = carried(query).await;
            assert_eq!((events, code.as_deref()), (2, Some(advice)), "{query}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_lacks_only_a_part_is_delivered_and_queries_pass_through() {
        for query in [
            "subscription { well { number } }",
            "subscription { well { number perhaps } }",
        ] {
            let (events, code) = carried(query).await;
            assert_eq!((events, code), (5, None), "{query}");
        }
        let (answers, code) = carried("{ isThere }").await;
        assert_eq!((answers, code), (1, None));
    }
}
