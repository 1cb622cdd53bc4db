//! The sections `[log]`, `[redis]` and `[gateway]`.

use std::net::SocketAddr;
use std::time::Duration;

use runtime::config::Problems;
use runtime::telemetry::LogConfig;
use runtime::traces::TracesConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::StoreConfig;

use crate::auth::TokenConfig;

/// What the gateway reads of the shared configuration file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub log: LogConfig,
    pub traces: TracesConfig,
    pub redis: StoreConfig,
    pub gateway: GatewayConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Where GraphQL and the web page are served.
    pub bind: SocketAddr,
    /// Where `/live`, `/ready` and `/metrics` are served.
    pub probes_bind: SocketAddr,
    /// How long requests and sockets may take to end when the process is told to stop.
    pub grace_ms: u64,
    /// Who may read what. Without any, everyone may read everything, and `bind` has to be a loopback address.
    pub tokens: Vec<TokenConfig>,
    /// Origins of web pages, beside the gateway's own, that may call it: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Host names, beside loopback ones, under which a gateway without tokens may be reached.
    pub allowed_hosts: Vec<String>,
    /// Whether clients may ask for the schema.
    pub introspection: bool,
    /// Whether `/graphiql` is served when bound to loopback. The page loads its scripts from a public CDN.
    pub graphiql: bool,
    /// Where the page links a span to: an address in the tracing tool with `{traceId}` and, if it likes, `{spanId}` in
    /// it, such as `https://tempo.example.com/trace/{traceId}?span={spanId}`. Without it there are no such links.
    pub trace_url_template: Option<String>,
    /// Where the page links an error to of which an event of Sentry's SDKs told: an address with `{eventId}` in it, such as
    /// `https://sentry.example.com/organizations/shop/issues/?query={eventId}`. Without it there are no such links.
    pub error_url_template: Option<String>,
    pub limits: LimitsConfig,
    pub live: LiveConfig,
}

/// What one request may ask for, and how much may go on at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Connections at once; WebSockets are counted apart.
    pub connections_max: usize,
    /// Connections at once by which nobody has signed in yet. A further one takes the place of the one that was idle longest.
    pub strangers_max: usize,
    /// The same from one address. Behind a proxy all have the proxy's address.
    pub strangers_per_address_max: usize,
    /// How long a client may take to send the head of a request; also how long an idle connection is kept.
    pub header_timeout_ms: u64,
    /// How long a client may take until it takes anything of an answer; then the connection ends.
    pub write_timeout_ms: u64,
    /// Size of a request's body, and of one WebSocket message.
    pub request_bytes_max: usize,
    /// Nesting of fields. The usual introspection query has 15 levels.
    pub depth_max: usize,
    /// Fields of the answer, roughly: a field of a list counts once for each row that the page may have, and reading a
    /// whole conversation counts as much as 50 fields.
    pub complexity_max: usize,
    /// Fields, fragments, directives and values of arguments in the document, those of a fragment counted as often as it is
    /// spread. The usual introspection query has some 600.
    pub selections_max: usize,
    /// Fields that are given another name, counted likewise: the way to ask for one expensive field a thousand times.
    pub aliases_max: usize,
    /// Directives in the whole document, counted likewise.
    pub directives_max: usize,
    /// Size of the texts and JSON values in one answer, or in one event. A conversation may be as large.
    pub response_bytes_max: usize,
    /// Longest time for one query, or for one event of a subscription; also for the body of a request to arrive.
    pub query_timeout_ms: u64,
    /// Queries answered at once; the next one is refused.
    pub queries_max: usize,
    /// How long one page of a search may look through conversations. The page says how far it came.
    pub search_budget_ms: u64,
    /// How long facets are counted.
    pub facets_budget_ms: u64,
    /// How many conversations are counted for facets at most.
    pub facets_rows_max: usize,
    /// Memory for conversations that were read, so that they need not be read again.
    pub cache_bytes_max: u64,
    /// Conversations computed from their logs at once. Each takes a processor.
    pub folds_max: usize,
}

/// Live updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LiveConfig {
    /// WebSockets at once.
    pub sockets_max: usize,
    /// WebSockets at once whose clients have not said who they are. A further one takes the place of the oldest.
    pub strangers_max: usize,
    /// Subscriptions at once, over all sockets.
    pub subscriptions_max: usize,
    /// Operations at once on one socket.
    pub operations_per_socket_max: usize,
    /// A socket that has not been heard of for this long is closed. It is pinged twice in that time.
    pub keepalive_ms: u64,
    /// How long a new socket may take to say who it is.
    pub init_timeout_ms: u64,
    /// How long a client may take to receive one message.
    pub write_timeout_ms: u64,
    /// Steps of one conversation, or of the list, that a subscriber may be behind before it is cut off.
    pub buffer_steps: usize,
    /// Shortest time between two steps of one conversation.
    pub message_step_ms: u64,
    /// Shortest time between two events of one row of the list.
    pub row_step_ms: u64,
    /// Followed conversations are looked at this often even if nothing is announced.
    pub recheck_ms: u64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            probes_bind: SocketAddr::from(([127, 0, 0, 1], 9102)),
            grace_ms: 10_000,
            tokens: Vec::new(),
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            introspection: true,
            graphiql: true,
            trace_url_template: None,
            error_url_template: None,
            limits: LimitsConfig::default(),
            live: LiveConfig::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections_max: 4_000,
            strangers_max: 512,
            strangers_per_address_max: 256,
            header_timeout_ms: 30_000,
            write_timeout_ms: 20_000,
            request_bytes_max: 256 * 1024,
            depth_max: 20,
            complexity_max: 50_000,
            selections_max: 5_000,
            aliases_max: 50,
            directives_max: 50,
            response_bytes_max: 64 * 1024 * 1024,
            query_timeout_ms: 15_000,
            queries_max: 256,
            search_budget_ms: 2_000,
            facets_budget_ms: 2_000,
            facets_rows_max: 10_000,
            cache_bytes_max: 256 * 1024 * 1024,
            folds_max: 4,
        }
    }
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            sockets_max: 1_000,
            strangers_max: 128,
            subscriptions_max: 5_000,
            operations_per_socket_max: 50,
            keepalive_ms: 30_000,
            init_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
            buffer_steps: 256,
            message_step_ms: 50,
            row_step_ms: 100,
            recheck_ms: 15_000,
        }
    }
}

impl LimitsConfig {
    pub fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout_ms)
    }
}

impl runtime::config::Config for Config {
    fn validate(&self, problems: &mut Problems) {
        self.traces.validate(problems);
        if let Err(error) = self.redis.validate() {
            problems.add("redis", error.to_string());
        }
        self.gateway.validate(problems);
    }
}

impl GatewayConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.tokens.is_empty() && !self.bind.ip().is_loopback() {
            problems.add(
                "gateway.bind",
                format!(
                    "{} can be reached from other machines, and without gateway.tokens everyone could read everything: \
                     add a token (`gateway token new --name NAME`), or bind to 127.0.0.1",
                    self.bind
                ),
            );
        }
        crate::auth::validate(&self.tokens, problems);
        for origin in &self.allowed_origins {
            problems.require(
                runtime::origin::is_origin(origin),
                "gateway.allowed_origins",
                format!("{origin:?} is not an origin: write scheme and host, such as https://app.example.com"),
            );
        }
        if let Some(template) = &self.trace_url_template {
            problems.require(
                is_url_template(template, &["{traceId}", "{spanId}"]),
                "gateway.trace_url_template",
                "it is not an http or https address with {traceId} in it",
            );
        }
        if let Some(template) = &self.error_url_template {
            problems.require(
                is_url_template(template, &["{eventId}"]),
                "gateway.error_url_template",
                format!("{template:?} is not an http or https address with {{eventId}} in it"),
            );
        }
        self.validate_bounds(problems);
    }

    fn validate_bounds(&self, problems: &mut Problems) {
        let must_be_positive = [
            (
                "limits.request_bytes_max",
                self.limits.request_bytes_max as u64,
            ),
            ("limits.connections_max", self.limits.connections_max as u64),
            ("limits.strangers_max", self.limits.strangers_max as u64),
            (
                "limits.strangers_per_address_max",
                self.limits.strangers_per_address_max as u64,
            ),
            ("limits.write_timeout_ms", self.limits.write_timeout_ms),
            ("limits.header_timeout_ms", self.limits.header_timeout_ms),
            (
                "limits.response_bytes_max",
                self.limits.response_bytes_max as u64,
            ),
            ("limits.depth_max", self.limits.depth_max as u64),
            ("limits.selections_max", self.limits.selections_max as u64),
            ("limits.complexity_max", self.limits.complexity_max as u64),
            ("limits.query_timeout_ms", self.limits.query_timeout_ms),
            ("limits.search_budget_ms", self.limits.search_budget_ms),
            ("limits.facets_budget_ms", self.limits.facets_budget_ms),
            ("limits.folds_max", self.limits.folds_max as u64),
            ("live.strangers_max", self.live.strangers_max as u64),
            ("live.keepalive_ms", self.live.keepalive_ms),
            ("live.init_timeout_ms", self.live.init_timeout_ms),
            ("live.write_timeout_ms", self.live.write_timeout_ms),
            ("live.buffer_steps", self.live.buffer_steps as u64),
            ("live.message_step_ms", self.live.message_step_ms),
            ("live.row_step_ms", self.live.row_step_ms),
            ("live.recheck_ms", self.live.recheck_ms),
        ];
        for (key, value) in must_be_positive {
            problems.require(value > 0, &format!("gateway.{key}"), "must be above 0");
        }
        problems.require(
            self.live.sockets_max < self.limits.connections_max,
            "gateway.live.sockets_max",
            "must be below gateway.limits.connections_max, or sockets leave no connection for queries",
        );
        for (key, budget_ms) in [
            ("search_budget_ms", self.limits.search_budget_ms),
            ("facets_budget_ms", self.limits.facets_budget_ms),
        ] {
            problems.require(
                budget_ms < self.limits.query_timeout_ms,
                &format!("gateway.limits.{key}"),
                "must be below gateway.limits.query_timeout_ms, or the query ends before it can say how far it came",
            );
        }
    }
}

/// Whether it is a web address with these names in braces in it: the first has to be, and no others may.
fn is_url_template(text: &str, names: &[&str]) -> bool {
    // Braces are no part of an address, though the parser lets them pass; ids of digits are.
    let example = names
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(name, "1"));
    names
        .first()
        .is_some_and(|required| text.contains(required))
        && !example.contains(['{', '}'])
        && example.parse::<axum::http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::config::load_from;

    fn problems(variables: &[(&str, &str)]) -> String {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match load_from::<Config>(None, variables) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_defaults_are_valid_and_reachable_from_this_machine_only() {
        assert_eq!(problems(&[]), "");
        assert!(GatewayConfig::default().bind.ip().is_loopback());
        assert!(GatewayConfig::default().probes_bind.ip().is_loopback());
    }

    #[test]
    fn a_gateway_open_to_the_network_needs_tokens() {
        let open = ("COLLOQUY_GATEWAY__BIND", "0.0.0.0:8080");
        assert!(problems(&[open]).contains("add a token"));
        let hash = "0".repeat(64);
        let tokens = format!("[{{name=\"ui\", sha256=\"{hash}\", projects=[\"*\"]}}]");
        assert_eq!(problems(&[open, ("COLLOQUY_GATEWAY__TOKENS", &tokens)]), "");
    }

    #[test]
    fn a_budget_longer_than_the_timeout_is_refused() {
        let long = ("COLLOQUY_GATEWAY__LIMITS__SEARCH_BUDGET_MS", "60000");
        assert!(problems(&[long]).contains("query_timeout_ms"));
    }

    #[test]
    fn links_to_traces_must_be_web_addresses_that_name_the_trace() {
        let with = |template| problems(&[("COLLOQUY_GATEWAY__TRACE_URL_TEMPLATE", template)]);
        for template in [
            "https://traces.example.com/trace/{traceId}?span={spanId}",
            "http://localhost:16686/trace/{traceId}",
        ] {
            assert_eq!(with(template), "", "{template}");
        }
        for template in [
            "https://traces.example.com/",
            "javascript:alert('{traceId}')",
            "/trace/{traceId}",
            "https://traces.example.com/{traceId}/{span}",
        ] {
            assert!(with(template).contains("{traceId}"), "{template}");
        }
    }

    #[test]
    fn links_to_errors_must_be_web_addresses_that_name_the_event() {
        let with = |template| problems(&[("COLLOQUY_GATEWAY__ERROR_URL_TEMPLATE", template)]);
        for template in [
            "https://errors.example.com/?query={eventId}",
            "http://localhost:9000/organizations/shop/projects/a/events/{eventId}/",
        ] {
            assert_eq!(with(template), "", "{template}");
        }
        for template in [
            "https://errors.example.com/",
            "javascript:alert('{eventId}')",
            "/events/{eventId}",
            "https://errors.example.com/{eventId}/{traceId}",
        ] {
            assert!(with(template).contains("{eventId}"), "{template}");
        }
    }
}
