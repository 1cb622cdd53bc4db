//! Gateways within the test process, each on a port of its own, over one Redis.

use std::net::SocketAddr;
use std::time::Duration;

use gateway::auth::TokenConfig;
use gateway::config::Config;
use gateway::server::{assemble, serve};
use runtime::health::Health;
use runtime::lifecycle::Lifecycle;
use serde_json::{Value, json};
use store::testing::RedisServer;
use store::{Store, StoreConfig};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

use super::socket::Socket;
use super::writer::Writer;

/// One Redis for all tests; each has keys of its own. It ends with the process.
static REDIS: OnceCell<RedisServer> = OnceCell::const_new();

async fn redis() -> StoreConfig {
    let server = REDIS
        .get_or_init(|| async { RedisServer::start().await.expect("redis-server starts") })
        .await;
    server.config()
}

/// A store of its own, and everything that is written into it.
pub(crate) struct World {
    pub(crate) redis: StoreConfig,
    pub(crate) store: Store,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut StoreConfig)) -> Self {
        let mut redis = redis().await;
        change(&mut redis);
        Self::on(redis).await
    }

    /// On a server of the test's own.
    pub(crate) async fn on(redis: StoreConfig) -> Self {
        let store = Store::connect(&redis).await.expect("connects");
        Self { redis, store }
    }

    pub(crate) fn writer(&self, project: &str, id: &str) -> Writer {
        Writer::new(&self.store, project, id)
    }

    pub(crate) async fn gateway(&self) -> Gateway {
        self.gateway_with(|_| {}).await
    }

    pub(crate) async fn gateway_with(&self, change: impl FnOnce(&mut Config)) -> Gateway {
        let mut config = Config {
            redis: self.redis.clone(),
            ..Config::default()
        };
        // Steps come as fast as the machine allows, unless a test is about their pace.
        config.gateway.live.message_step_ms = 1;
        config.gateway.live.row_step_ms = 10;
        change(&mut config);
        Gateway::start(config).await
    }
}

/// A token for these projects, as the configuration holds it.
pub(crate) fn token_config(token: &str, projects: &[&str]) -> TokenConfig {
    TokenConfig {
        name: token.to_owned(),
        sha256: runtime::token::hash(token),
        projects: projects.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A running gateway; it stops when dropped.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    _health: Health,
    life: Lifecycle,
    client: reqwest::Client,
    token: Option<String>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.life.stop();
    }
}

impl Gateway {
    async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let life = Lifecycle::new(Duration::from_secs(1));
        let health = Health::default();
        let store = Store::connect(&config.redis).await.expect("connects");
        let app = assemble(store, &config, &health, &life);
        let serving = serve(app, listener, life.stopping().clone());
        life.spawn("server", serving);
        Self {
            address,
            _health: health,
            life,
            client: reqwest::Client::new(),
            token: None,
        }
    }

    /// Tells it to stop, without waiting for that.
    pub(crate) fn stop(&self) {
        self.life.stop();
    }

    /// All further requests carry the token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A POST that may be changed before it is sent.
    pub(crate) fn post(&self) -> reqwest::RequestBuilder {
        let request = self
            .client
            .post(self.url("/graphql"))
            .header("content-type", "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The whole response, errors and all.
    pub(crate) async fn answer(&self, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables}).to_string();
        let response = self.post().body(body).send().await.expect("answers");
        response.json().await.expect("JSON")
    }

    /// The data of a query that must succeed.
    pub(crate) async fn query(&self, query: &str, variables: Value) -> Value {
        let answer = self.answer(query, variables).await;
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].clone()
    }

    /// The code of the error of a query that must fail.
    pub(crate) async fn error(&self, query: &str, variables: Value) -> String {
        let answer = self.answer(query, variables).await;
        code_of(&answer)
    }

    /// A socket that has introduced itself.
    pub(crate) async fn socket(&self) -> Socket {
        let mut socket = Socket::open(self.address).await;
        let payload = match &self.token {
            Some(token) => json!({"Authorization": format!("Bearer {token}")}),
            None => json!({}),
        };
        socket.init(payload).await;
        socket
    }
}

/// `extensions.code` of the first error.
pub(crate) fn code_of(answer: &Value) -> String {
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    code.unwrap_or_else(|| panic!("an error with a code, not {answer}"))
        .to_owned()
}
