//! What tests ask of the gateway, in their words.

use crate::graphql::{Client, Subscription};
use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The largest page that the contract allows.
const PAGE: u32 = 200;
/// Keeps the gateway busy without queueing at it.
const REQUESTS_AT_ONCE: usize = 8;

const SUMMARY: &str = "
fragment Summary on Conversation {
  id project startedAt lastActivityAt durationMs generationMs firstInput lastOutput
  llmCalls toolCalls errors toolErrors agents models tools environment traceIds inferred
  usage { ...Tokens } cost { input output total unpricedCalls }
  usageByModel { model provider llmCalls usage { ...Tokens } cost { total unpricedCalls } }
  user { id email name ipAddress }
  systemPrompts { text agent firstUsedAt calls }
}
fragment Tokens on Usage {
  inputTokens cachedInputTokens cacheWriteInputTokens outputTokens reasoningTokens totalTokens
}";

const UTTERANCE: &str = "
fragment Utterance on Message {
  id role text reasoning timestamp agent model finishReason durationMs thread threadParent superseded summary unseenMessages contextStart contentCaptured
  parts { type text mimeType uri json }
  usage { inputTokens outputTokens } cost { total }
  error { type message }
  toolCalls { id name arguments result status abandoned startedAt durationMs error { type message } span { id } }
  spans { id traceId }
}";

impl Client {
    /// All rows of the list that match, newest activity first, over as many pages as it takes.
    ///
    /// # Errors
    /// When the gateway refuses or does not answer.
    pub async fn list(&self, filter: Value) -> anyhow::Result<Vec<Value>> {
        self.pages("...Summary status revision finalizedAt", SUMMARY, filter)
            .await
    }

    async fn pages(
        &self,
        fields: &str,
        fragments: &str,
        filter: Value,
    ) -> anyhow::Result<Vec<Value>> {
        let query = format!(
            "query($filter: ConversationFilter, $first: Int, $after: String) {{
               conversations(filter: $filter, first: $first, after: $after) {{
                 nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }}
               }}
             }} {fragments}"
        );
        let mut rows = Vec::new();
        let mut after = Value::Null;
        loop {
            let variables = json!({"filter": filter, "first": PAGE, "after": after});
            let mut data = self.query(&query, variables).await?;
            let page = &mut data["conversations"];
            rows.extend(page["nodes"].as_array().cloned().context("no nodes")?);
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(rows);
            }
            after = page["pageInfo"]["endCursor"].take();
        }
    }

    /// Project and id of every row of the list: cheap, since no conversation has to be read for them.
    ///
    /// # Errors
    /// When the gateway refuses or does not answer.
    pub async fn keys(&self) -> anyhow::Result<Vec<(String, String)>> {
        let rows = self.pages("id project", "", Value::Null).await?;
        Ok(rows
            .iter()
            .map(|row| (text(&row["project"]), text(&row["id"])))
            .collect())
    }

    /// One conversation with its first `messages` messages; `None` when the gateway knows none.
    ///
    /// # Errors
    /// When the gateway refuses or does not answer.
    pub async fn conversation(&self, project: &str, id: &str) -> anyhow::Result<Option<Value>> {
        let query = format!(
            "query($project: ID!, $id: ID!, $first: Int) {{
               conversation(project: $project, id: $id) {{
                 ...Summary status revision finalizedAt
                 related {{ project id }}
                 messages(first: $first) {{ nodes {{ ...Utterance }} liveCursor pageInfo {{ hasNextPage endCursor }} }}
               }}
             }} {SUMMARY} {UTTERANCE}"
        );
        let variables = json!({"project": project, "id": id, "first": PAGE});
        let mut data = self.query(&query, variables).await?;
        let conversation = data["conversation"].take();
        Ok((!conversation.is_null()).then_some(conversation))
    }

    /// Everything that the gateway says about every conversation, by project and id: summaries and transcripts, without
    /// what depends on when things were processed.
    ///
    /// # Errors
    /// When the gateway refuses or does not answer.
    pub async fn dump(&self) -> anyhow::Result<BTreeMap<(String, String), Value>> {
        let keys = stream::iter(self.keys().await?);
        let whole = keys.map(|(project, id)| async move {
            let conversation = self.whole(&project, &id).await.context(id.clone())?;
            anyhow::Ok(((project, id), conversation))
        });
        whole.buffer_unordered(REQUESTS_AT_ONCE).try_collect().await
    }

    async fn whole(&self, project: &str, id: &str) -> anyhow::Result<Value> {
        let mut conversation = self
            .conversation(project, id)
            .await?
            .context("listed but not found")?;
        let messages = &mut conversation["messages"];
        ensure!(
            messages["pageInfo"]["hasNextPage"] == false,
            "more than {PAGE} messages"
        );
        *messages = messages["nodes"].take();
        let fields = conversation.as_object_mut().context("an object")?;
        for field in ["status", "revision", "finalizedAt"] {
            fields.remove(field);
        }
        Ok(conversation)
    }

    /// Everything about every conversation as [`Client::dump`] gives it, and beside that what it leaves out: status,
    /// revision and time of finalisation, and the ids of all spans. Over all pages, however long a transcript is.
    ///
    /// # Errors
    /// When the gateway refuses or does not answer.
    pub async fn account(&self) -> anyhow::Result<Vec<Value>> {
        let keys = stream::iter(self.keys().await?);
        let whole = keys.map(|(project, id)| async move {
            let accounted = self.account_of(&project, &id).await;
            accounted.with_context(|| format!("reading {project}/{id}"))
        });
        whole.buffer_unordered(REQUESTS_AT_ONCE).try_collect().await
    }

    /// The same of one conversation.
    ///
    /// # Errors
    /// When the gateway refuses, does not answer, or knows no such conversation.
    pub async fn account_of(&self, project: &str, id: &str) -> anyhow::Result<Value> {
        let mut conversation = self
            .conversation(project, id)
            .await?
            .context("listed but not found")?;
        let messages = self
            .parts_of(project, id, "messages", "...Utterance", UTTERANCE)
            .await?;
        let spans = self.parts_of(project, id, "spans", "id", "").await?;
        conversation["messages"] = messages.into();
        conversation["spans"] = spans.into();
        Ok(conversation)
    }

    /// All nodes of a connection of one conversation.
    async fn parts_of(
        &self,
        project: &str,
        id: &str,
        connection: &str,
        fields: &str,
        fragments: &str,
    ) -> anyhow::Result<Vec<Value>> {
        let query = format!(
            "query($project: ID!, $id: ID!, $first: Int, $after: String) {{
               conversation(project: $project, id: $id) {{
                 {connection}(first: $first, after: $after) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }}
               }}
             }} {fragments}"
        );
        let mut nodes = Vec::new();
        let mut after = Value::Null;
        loop {
            let variables = json!({"project": project, "id": id, "first": PAGE, "after": after});
            let mut data = self.query(&query, variables).await?;
            let page = &mut data["conversation"][connection];
            nodes.extend(page["nodes"].as_array().cloned().context("no nodes")?);
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(nodes);
            }
            after = page["pageInfo"]["endCursor"].take();
        }
    }

    /// The messages of one conversation as they come, from `after` on.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn follow(
        &self,
        project: &str,
        id: &str,
        after: Option<&str>,
    ) -> anyhow::Result<Subscription> {
        let query = format!(
            "subscription($project: ID!, $id: ID!, $after: String) {{
               messages(project: $project, conversation: $id, after: $after) {{
                 kind cursor message {{ ...Utterance }} conversation {{ llmCalls revision status }}
               }}
             }} {UTTERANCE}"
        );
        self.subscribe(
            &query,
            json!({"project": project, "id": id, "after": after}),
        )
        .await
    }
}

/// The text of a JSON string.
///
/// # Panics
/// When it is something else.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}
