//! GraphQL requests as HTTP carries them: JSON in a POST, or the parts of a query in the address of a GET.
//! (GraphQL over HTTP, "Request"; persisted queries by Apollo's protocol are declined, so that clients send the query.)

use async_graphql::Request;
use async_graphql::parser::types::{DocumentOperations, OperationType};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graphql::error::Code;

/// Why there is nothing to execute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Refused {
    fn bad(code: Code, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The request in the body of a POST.
pub(crate) fn of_body(body: &[u8]) -> Result<Request, Refused> {
    let is_batch = body
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| *byte == b'[');
    if is_batch {
        let message = "send one query in a request: batches are not supported";
        return Err(Refused::bad(Code::BatchNotSupported, message));
    }
    let request = serde_json::from_slice(body).map_err(|cause| {
        let message = format!(
            "the request is not a GraphQL request: {cause}. Send {{\"query\": \"…\", \"variables\": {{…}}}}"
        );
        Refused::bad(Code::BadRequest, message)
    })?;
    with_query(request)
}

/// The parts of a query in an address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(default)]
    query: String,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// The request in the address of a GET. Only queries: a GET may be repeated by whoever passes it on.
pub(crate) fn of_address(parameters: &str) -> Result<Request, Refused> {
    let bad = |message: String| Refused::bad(Code::BadRequest, message);
    let uri = format!("/?{parameters}").parse();
    let uri = uri.map_err(|cause| bad(format!("the address cannot be read: {cause}")))?;
    let axum::extract::Query(parameters) =
        axum::extract::Query::<Parameters>::try_from_uri(&uri)
            .map_err(|cause| bad(format!("the address cannot be read: {cause}")))?;
    let object =
        |name: &str, text: Option<String>| -> Result<Option<Map<String, Value>>, Refused> {
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                return Ok(None);
            };
            serde_json::from_str(&text).map_err(|cause| {
                bad(format!(
                    "`{name}` in the address is not a JSON object: {cause}"
                ))
            })
        };
    let mut body = Map::new();
    body.insert("query".into(), parameters.query.into());
    body.insert("operationName".into(), parameters.operation_name.into());
    for (name, text) in [
        ("variables", parameters.variables),
        ("extensions", parameters.extensions),
    ] {
        let parsed = object(name, text)?.map_or(Value::Null, Value::Object);
        body.insert(name.into(), parsed);
    }
    let request = serde_json::from_value(Value::Object(body));
    let request = request.map_err(|cause| bad(format!("the address is no query: {cause}")))?;
    only_queries(with_query(request)?)
}

fn with_query(request: Request) -> Result<Request, Refused> {
    if !request.query.trim().is_empty() {
        return Ok(request);
    }
    if request.extensions.contains_key("persistedQuery") {
        // The text by which Apollo's clients know; the status by which other clients go on reading.
        return Err(Refused {
            status: StatusCode::OK,
            code: Code::PersistedQueryNotSupported,
            message: "PersistedQueryNotSupported".to_owned(),
        });
    }
    let message = "the request holds no query: send {\"query\": \"…\"}";
    Err(Refused::bad(Code::BadRequest, message))
}

fn only_queries(mut request: Request) -> Result<Request, Refused> {
    let name = request.operation_name.clone();
    // What does not parse is told when it is executed.
    let Ok(document) = request.parsed_query() else {
        return Ok(request);
    };
    let kind = match &document.operations {
        DocumentOperations::Single(operation) => Some(operation.node.ty),
        DocumentOperations::Multiple(operations) => name
            .and_then(|name| operations.get(name.as_str()))
            .map(|operation| operation.node.ty),
    };
    match kind {
        Some(OperationType::Mutation | OperationType::Subscription) => Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: Code::BadRequest,
            message: "only queries can be sent by GET: send a mutation by POST, a subscription over a WebSocket".to_owned(),
        }),
        Some(OperationType::Query) | None => Ok(request),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_is_read_and_batches_and_other_things_are_not() {
        let request = of_body(br#"{"query": "{ a }", "variables": {"b": 1}}"#).expect("a request");
        assert_eq!(request.query, "{ a }");
        for (body, code) in [
            (r#" [{"query": "{ a }"}]"#, Code::BatchNotSupported),
            ("", Code::BadRequest),
            ("{", Code::BadRequest),
            ("\"{ a }\"", Code::BadRequest),
            (r#"{"query": 1}"#, Code::BadRequest),
            (r#"{"query": ""}"#, Code::BadRequest),
            (r#"{"variables": {}}"#, Code::BadRequest),
            (
                r#"{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}"#,
                Code::PersistedQueryNotSupported,
            ),
        ] {
            let refused = of_body(body.as_bytes()).expect_err(body);
            assert_eq!(refused.code, code, "{body}");
        }
        let both = r#"{"query": "{ a }", "extensions": {"persistedQuery": {"version": 1}}}"#;
        assert!(of_body(both.as_bytes()).is_ok(), "a client that was told");
    }

    #[test]
    fn a_query_is_read_from_the_address() {
        let request = of_address(
            "query=query%20Q(%24n%3A%20Int)%20%7B%20a%20%7D&variables=%7B%22n%22%3A1%7D&operationName=Q",
        );
        let request = request.expect("a request");
        assert_eq!(request.query, "query Q($n: Int) { a }");
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(
            request.variables.get("n"),
            Some(&async_graphql::Value::from(1))
        );
        for (parameters, status) in [
            ("", 400),
            ("query=", 400),
            ("query=%7Ba%7D&variables=%7B", 400),
            ("query=%7Ba%7D&variables=[1]", 400),
            ("query=mutation%7Ba%7D", 405),
            ("query=subscription%7Ba%7D", 405),
            (
                "query=query%20Q%7Ba%7Dmutation%20M%7Bb%7D&operationName=M",
                405,
            ),
        ] {
            let refused = of_address(parameters).expect_err(parameters);
            assert_eq!(refused.status.as_u16(), status, "{parameters}");
        }
        assert!(of_address("query=query%20Q%7Ba%7Dmutation%20M%7Bb%7D&operationName=Q").is_ok());
    }

    #[test]
    fn only_json_is_json() {
        for (kind, expected) in [
            ("application/json", true),
            ("application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().expect("a header"));
            assert_eq!(is_json(&headers), expected, "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
