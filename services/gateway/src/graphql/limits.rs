//! What a request may ask for, checked before and while it is answered, whatever the transport.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextValidation,
};
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{
    Data, Positioned, Response, ServerError, ServerResult, ValidationResult, Variables,
};
use futures::FutureExt as _;
use tokio::sync::Semaphore;

use super::budget::Budget;
use super::error::{Code, code_of};
use crate::config::LimitsConfig;
use crate::metrics::{PANICS, REFUSED, REQUEST_SECONDS, REQUESTS};

/// Counts aliases and directives, gives every error a code, bounds the time, and survives panics.
#[derive(Clone, Debug)]
pub struct Limits {
    aliases_max: usize,
    directives_max: usize,
    response_bytes_max: usize,
    timeout: Duration,
    /// Answers computed at once. Over a WebSocket nobody else counts them.
    turns: Arc<Semaphore>,
}

impl Limits {
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            aliases_max: config.aliases_max,
            directives_max: config.directives_max,
            response_bytes_max: config.response_bytes_max,
            timeout: config.query_timeout(),
            turns: Arc::new(Semaphore::new(config.queries_max.max(1))),
        }
    }
}

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Extension for Limits {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next
            .run(ctx, query, variables)
            .await
            .map_err(|error| refuse(Code::ParseFailed, error))?;
        let used = Used::by(&document);
        for (what, count, max) in [
            ("aliases", used.aliases, self.aliases_max),
            ("directives", used.directives, self.directives_max),
        ] {
            if count > max {
                let message = format!("the query has {count} {what}: at most {max} are allowed");
                return Err(refuse(Code::TooComplex, ServerError::new(message, None)));
            }
        }
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        match AssertUnwindSafe(next.run(ctx)).catch_unwind().await {
            Ok(valid) => valid.map_err(|errors| {
                errors
                    .into_iter()
                    .map(|error| refuse(validation_code(&error), error))
                    .collect()
            }),
            Err(_) => Err(vec![panicked()]),
        }
    }

    #[tracing::instrument(
        name = "graphql",
        skip_all,
        fields(
            otel.kind = "server",
            graphql.operation.name = operation_name,
            outcome = tracing::field::Empty,
            otel.status_code = tracing::field::Empty
        )
    )]
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let begun = Instant::now();
        let mut data = Data::default();
        data.insert(Budget::new(self.response_bytes_max));
        let answer = async {
            // The semaphore is never closed, so waiting for it cannot fail.
            let _turn = self.turns.acquire().await;
            AssertUnwindSafe(next.run_with_data(ctx, operation_name, data))
                .catch_unwind()
                .await
        };
        let mut response = match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Response::from_errors(vec![panicked()]),
            Err(_) => {
                let message = format!(
                    "the query took longer than {} ms: ask for less at once",
                    self.timeout.as_millis()
                );
                Response::from_errors(vec![Code::Timeout.server_error(message)])
            }
        };
        for error in &mut response.errors {
            // Our own errors have codes; what is left are arguments that cannot be read.
            Code::BadUserInput.mark(error);
        }
        let outcome = response.errors.first().and_then(code_of).unwrap_or("ok");
        let span = tracing::Span::current();
        span.record("outcome", outcome);
        if !response.errors.is_empty() {
            span.record("otel.status_code", "ERROR");
        }
        metrics::counter!(REQUESTS, "outcome" => outcome.to_owned()).increment(1);
        metrics::histogram!(REQUEST_SECONDS).record(begun.elapsed().as_secs_f64());
        response
    }
}

/// The panic itself was logged where it happened.
fn panicked() -> ServerError {
    metrics::counter!(PANICS).increment(1);
    Code::Internal.server_error("the gateway failed to answer; its log says why")
}

fn refuse(code: Code, mut error: ServerError) -> ServerError {
    code.mark(&mut error);
    metrics::counter!(REFUSED, "reason" => code.as_str()).increment(1);
    error
}

/// The library tells its limits from its rules by their texts alone.
fn validation_code(error: &ServerError) -> Code {
    if error.message.starts_with("Query is ") {
        Code::TooComplex
    } else {
        Code::ValidationFailed
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Used {
    aliases: usize,
    directives: usize,
}

impl Used {
    /// Each fragment counts once, as often as it is spread: what it costs then is complexity.
    fn by(document: &ExecutableDocument) -> Self {
        let mut used = Self::default();
        for (_, operation) in document.operations.iter() {
            used.directives += operation.node.directives.len();
            used.count(&operation.node.selection_set);
        }
        for fragment in document.fragments.values() {
            used.directives += fragment.node.directives.len();
            used.count(&fragment.node.selection_set);
        }
        used
    }

    fn count(&mut self, set: &Positioned<SelectionSet>) {
        for selection in &set.node.items {
            self.directives += selection.node.directives().len();
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    self.count(&field.node.selection_set);
                }
                Selection::InlineFragment(inline) => self.count(&inline.node.selection_set),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use async_graphql::{EmptyMutation, EmptySubscription, Object};

    struct Query;

    fn on_purpose<T>() -> T {
        panic!("on purpose")
    }

    #[Object]
    impl Query {
        async fn panics(&self) -> bool {
            on_purpose()
        }

        #[graphql(complexity = "on_purpose()")]
        async fn panics_early(&self) -> bool {
            true
        }

        async fn never(&self) -> bool {
            std::future::pending().await
        }
    }

    async fn code(query: &str) -> String {
        let limits = Limits::new(&LimitsConfig::default());
        let schema = async_graphql::Schema::build(Query, EmptyMutation, EmptySubscription)
            .limit_complexity(1_000)
            .extension(limits)
            .finish();
        let answer = schema.execute(query).await;
        let error = answer.errors.first().expect("an error");
        code_of(error).expect("a code").to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn panics_and_endless_queries_end_in_errors_with_a_code() {
        assert_eq!(code("{ panics }").await, "INTERNAL");
        assert_eq!(code("{ panicsEarly }").await, "INTERNAL");
        assert_eq!(code("{ never }").await, "TIMEOUT");
    }

    #[test]
    fn aliases_and_directives_are_counted_everywhere() {
        let query = "query A @x { a: b c { d: e @skip(if: true) ... on T { f: g } ...F @y } } \
                     fragment F on T @z { h: i j }";
        let used = Used::by(&parse_query(query).expect("parses"));
        assert_eq!(
            used,
            Used {
                aliases: 4,
                directives: 4
            }
        );
    }
}
