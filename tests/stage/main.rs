//! A whole system for tests that are not written in Rust, such as those of the page in a browser: Kafka, Redis, a
//! processor and two gateways. It does what it is told line by line.
//!
//! Says where everything is in the first line of its output, then reads one direction a line from its input and answers
//! each with a line, all of it JSON. Ends, with everything it started, when its input does.

#![expect(
    clippy::print_stdout,
    reason = "a program that tells whoever started it"
)]

mod direction;

use direction::{Cast, Direction};
use harness::services::{Service, Settings};
use harness::stack::Stack;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TOKEN: &str = "a-token-that-only-this-stage-knows";
const TRACE_URL: &str = "https://traces.example.com/trace/{traceId}?span={spanId}";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut stage = Stage::build().await;
    println!("{}", stage.plan());
    // Waiting for a line blocks this thread; what goes on beside it has others.
    for line in std::io::stdin().lines() {
        let direction: Direction = serde_json::from_str(&line?)?;
        stage.follow(direction).await;
        println!("{}", json!({"done": true}));
    }
    Ok(())
}

struct Stage {
    stack: Stack,
    /// Asks for a token, and is told of a tracing tool.
    guarded: Service,
    guarded_port: u16,
    cast: Cast,
}

impl Stage {
    async fn build() -> Self {
        let settings = Settings::default().set("gateway.trace_url_template", TRACE_URL);
        let stack = Stack::start_with("stage", settings).await;
        let sha256 = harness::otlp::hex(&Sha256::digest(TOKEN));
        let token = format!("{{name=\"stage\", sha256=\"{sha256}\", projects=[\"*\"]}}");
        let (guarded, guarded_port) = stack
            .another_gateway(Settings::default().set("gateway.tokens", format!("[{token}]")))
            .await;
        Self {
            stack,
            guarded,
            guarded_port,
            cast: Cast::default(),
        }
    }

    fn plan(&self) -> Value {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        json!({
            "url": url(self.stack.client.port()),
            "guardedUrl": url(self.guarded_port),
            "token": TOKEN,
        })
    }

    async fn follow(&mut self, direction: Direction) {
        match direction {
            Direction::Say(lines) => {
                let records = self.cast.say(lines, &self.stack.topics.spans);
                self.stack.send(records).await;
            }
            Direction::Captured => {
                let records = direction::captured(&self.stack.topics);
                self.stack.send(records).await;
            }
            Direction::Settle => self.stack.settle().await,
            Direction::KillGateway => self.stack.gateway.kill(),
            Direction::StartGateway => {
                self.stack.gateway.restart();
                self.stack.gateway.ready().await;
            }
            Direction::KillGuardedGateway => self.guarded.kill(),
        }
    }
}
