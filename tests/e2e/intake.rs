//! What SDKs send to the intake arrives as if it had been written to Kafka.

use harness::captured;
use harness::services::Settings;
use harness::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_give_the_conversations_that_their_records_give() {
    let direct = Stack::start("intake-direct").await;
    let posted = Stack::start_with("intake-posted", Settings::default()).await;
    let intake = posted.intake().await;
    for capture in captured::all().expect("readable") {
        direct.send(capture.records(&direct.topics)).await;
        for request in capture.requests() {
            let path = request.path;
            let answer = intake.send(request).await.expect("an answer");
            let status = answer.status();
            let body = answer.text().await.expect("a body");
            assert_eq!(status, 200, "{} to {path}: {body}", capture.label);
            assert!(
                !body.contains("rejected"),
                "{} to {path}: {body}",
                capture.label
            );
        }
    }
    direct.settle().await;
    posted.settle().await;

    let expected = direct.client.dump().await.expect("a dump");
    let found = posted.client.dump().await.expect("a dump");
    assert!(expected.len() > 15, "{} conversations", expected.len());
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (key, conversation) in &expected {
        assert_eq!(&found[key], conversation, "{key:?}");
    }
}
