//! What a filter lets through, and what it keeps out.

use super::*;
use domain::ids::ConversationKey;
use domain::span::User;
use domain::usage::Cost;
use domain::window::Window;

fn row() -> Summary {
    Summary {
        key: ConversationKey {
            project: "shop".to_owned(),
            id: "c1".to_owned(),
        },
        version: 1,
        token: 0,
        entries: 1,
        windows: Windows {
            open: vec![Window {
                first_ms: 0,
                last_ms: 0,
            }],
            ..Windows::default()
        },
        totals: Totals {
            started_ns: 1_000,
            last_activity_ns: 2_000,
            agents: vec!["router".to_owned()],
            models: vec!["gpt-5".to_owned()],
            user: User {
                email: Some("a@example.com".to_owned()),
                ..User::default()
            },
            environment: Some("prod".to_owned()),
            errors: 1,
            cost: Cost {
                total: 2_500_000_000,
                ..Cost::default()
            },
            ..Totals::default()
        },
        published_revision: 0,
    }
}

fn matches(filter: ConversationFilter) -> bool {
    Filter::new(Some(filter), &Requester::Local)
        .expect("a valid filter")
        .matches(&row())
}

fn list(value: &str) -> Option<Vec<String>> {
    Some(vec!["other".to_owned(), value.to_owned()])
}

#[test]
fn every_field_lets_through_what_it_names() {
    let default = ConversationFilter::default;
    let ns = |ns| Some(DateTime::from_ns(ns));
    for filter in [
        default(),
        ConversationFilter {
            projects: Some(vec![ID::from("shop")]),
            ..default()
        },
        ConversationFilter {
            from: ns(2_000),
            ..default()
        },
        ConversationFilter {
            to: ns(1_001),
            ..default()
        },
        ConversationFilter {
            agents: list("router"),
            ..default()
        },
        ConversationFilter {
            models: list("gpt-5"),
            ..default()
        },
        ConversationFilter {
            users: list("a@example.com"),
            ..default()
        },
        ConversationFilter {
            environments: list("prod"),
            ..default()
        },
        ConversationFilter {
            status: Some(ConversationStatus::Open),
            ..default()
        },
        ConversationFilter {
            has_errors: Some(true),
            ..default()
        },
        ConversationFilter {
            min_cost: Some(2.5),
            ..default()
        },
        ConversationFilter {
            tools: Some(vec![]),
            ..default()
        },
    ] {
        assert!(matches(filter.clone()), "{filter:?}");
    }
}

#[test]
fn every_field_keeps_out_what_it_does_not_name() {
    let default = ConversationFilter::default;
    let ns = |ns| Some(DateTime::from_ns(ns));
    let other = || Some(vec!["other".to_owned()]);
    for filter in [
        ConversationFilter {
            projects: Some(vec![ID::from("bank")]),
            ..default()
        },
        ConversationFilter {
            projects: Some(vec![]),
            ..default()
        },
        ConversationFilter {
            from: ns(2_001),
            ..default()
        },
        ConversationFilter {
            to: ns(1_000),
            ..default()
        },
        ConversationFilter {
            agents: other(),
            ..default()
        },
        ConversationFilter {
            models: other(),
            ..default()
        },
        ConversationFilter {
            tools: other(),
            ..default()
        },
        ConversationFilter {
            users: other(),
            ..default()
        },
        ConversationFilter {
            environments: other(),
            ..default()
        },
        ConversationFilter {
            status: Some(ConversationStatus::Finalized),
            ..default()
        },
        ConversationFilter {
            has_errors: Some(false),
            ..default()
        },
        ConversationFilter {
            min_cost: Some(2.51),
            ..default()
        },
        ConversationFilter {
            agents: list("router"),
            models: other(),
            ..default()
        },
    ] {
        assert!(!matches(filter.clone()), "{filter:?}");
    }
}

#[test]
fn filters_that_make_no_sense_are_errors() {
    let default = ConversationFilter::default;
    let time = Some(DateTime::from_ns(5));
    for filter in [
        ConversationFilter {
            from: time,
            to: time,
            ..default()
        },
        ConversationFilter {
            min_cost: Some(f64::NAN),
            ..default()
        },
        ConversationFilter {
            agents: Some(vec![String::new(); 65]),
            ..default()
        },
    ] {
        assert!(Filter::new(Some(filter), &Requester::Local).is_err());
    }
}

#[test]
fn the_fingerprint_tells_filters_apart_and_not_how_they_were_written() {
    let of = |agents: &[&str]| {
        let agents = Some(agents.iter().map(|name| (*name).to_owned()).collect());
        let filter = ConversationFilter {
            agents,
            ..Default::default()
        };
        Filter::new(Some(filter), &Requester::Local)
            .expect("a valid filter")
            .fingerprint()
    };
    assert_eq!(of(&["a", "b"]), of(&["b", "a", "a"]));
    assert_ne!(of(&["a"]), of(&["b"]));
    let none = Filter::new(None, &Requester::Local).expect("a valid filter");
    assert_eq!(none.fingerprint(), of(&[]));
}
