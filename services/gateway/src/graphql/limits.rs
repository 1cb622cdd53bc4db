//! What a request may ask for, checked before and while it is answered, whatever the transport.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextValidation,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{
    Data, Request, Response, ServerError, ServerResult, ValidationResult, Variables,
};
use futures::FutureExt as _;
use tokio::sync::Semaphore;

use super::budget::Budget;
use super::error::{Code, code_of};
use super::unfolded::{Cycle, weigh};
use crate::config::LimitsConfig;
use crate::metrics::{PANICS, REFUSED, REQUEST_SECONDS, REQUESTS};

/// Weighs what is asked, gives every error a code, bounds the time, and survives panics.
#[derive(Clone, Debug)]
pub struct Limits {
    selections_max: usize,
    aliases_max: usize,
    directives_max: usize,
    depth_max: usize,
    response_bytes_max: usize,
    timeout: Duration,
    /// Answers computed at once. Over a WebSocket nobody else counts them.
    turns: Arc<Semaphore>,
}

impl Limits {
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            selections_max: config.selections_max,
            aliases_max: config.aliases_max,
            directives_max: config.directives_max,
            depth_max: config.depth_max,
            response_bytes_max: config.response_bytes_max,
            timeout: config.query_timeout(),
            turns: Arc::new(Semaphore::new(config.queries_max.max(1))),
        }
    }
}

impl Limits {
    fn check(&self, document: &ExecutableDocument) -> Result<(), (Code, String)> {
        let weight = weigh(document).map_err(|Cycle { fragment }| {
            let message = format!("the fragment {fragment} spreads itself");
            (Code::ParseFailed, message)
        })?;
        for (what, count, max) in [
            ("selections", weight.selections, self.selections_max),
            ("aliases", weight.aliases, self.aliases_max),
            ("directives", weight.directives, self.directives_max),
            ("levels of fields", weight.depth, self.depth_max),
        ] {
            if count > max as u64 {
                let message = format!(
                    "the query has {count} {what}, what fragments unfold to counted: at most {max} are allowed"
                );
                return Err((Code::TooComplex, message));
            }
        }
        Ok(())
    }
}

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Extension for Limits {
    /// Before anything else: what comes after walks the document as it unfolds. It is parsed here, once for all.
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let mut request = next.run(ctx, request).await?;
        let document = request
            .parsed_query()
            .map_err(|error| refuse(Code::ParseFailed, error))?;
        self.check(document)
            .map_err(|(code, message)| refuse(code, ServerError::new(message, None)))?;
        Ok(request)
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await;
        document.map_err(|error| refuse(Code::ParseFailed, error))
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

#[cfg(test)]
mod tests {
    use super::*;
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

    #[tokio::test]
    async fn what_unfolds_beyond_the_bounds_is_refused_before_anything_walks_it() {
        let doubling = |level| {
            format!(
                "fragment F{level} on Query {{ ...F{0} ...F{0} }} ",
                level + 1
            )
        };
        let fragments: String = (0..60).map(doubling).collect();
        let bomb = format!("{{ ...F0 }} {fragments} fragment F60 on Query {{ __typename }}");
        assert_eq!(code(&bomb).await, "QUERY_TOO_COMPLEX");
        let nested = format!(
            "{{ never(a: {}1{}) }}",
            "[".repeat(50_000),
            "]".repeat(50_000)
        );
        assert_eq!(code(&nested).await, "GRAPHQL_PARSE_FAILED");
        let nested = format!("{}never{}", "{ never ".repeat(20_000), "}".repeat(20_000));
        assert_eq!(code(&nested).await, "GRAPHQL_PARSE_FAILED");
        let aliases: String = (0..30).map(|n| format!("a{n}: never ")).collect();
        let spread = format!("{{ ...F b: __typename ...F }} fragment F on Query {{ {aliases} }}");
        assert_eq!(code(&spread).await, "QUERY_TOO_COMPLEX");
        let directives = "__typename @skip(if: true) ".repeat(51);
        assert_eq!(
            code(&format!("{{ {directives} }}")).await,
            "QUERY_TOO_COMPLEX"
        );
        let cycle = "{ ...A } fragment A on Query { ...A ...A }";
        assert_eq!(code(cycle).await, "GRAPHQL_PARSE_FAILED");
    }
}
