//! What is served keeps what was promised, and what is committed is what is served.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition,
};

/// Set it to write the served schema over the committed one.
const UPDATE: &str = "UPDATE_SCHEMA";

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/graphql")
}

/// Everything that a schema says: by path, such as `Query.conversations.first`, its type and its description.
fn facts(sdl: &str) -> BTreeMap<String, (String, String)> {
    let document = parse_schema(sdl).expect("the schema parses");
    let mut facts = BTreeMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let name = definition.name.node.to_string();
        let description = definition.description.map(|text| text.node);
        let kind = match definition.kind {
            TypeKind::Scalar => "scalar",
            TypeKind::Object(object) => {
                for field in object.fields {
                    add_field(&mut facts, &name, field.node);
                }
                "type"
            }
            TypeKind::InputObject(object) => {
                for field in object.fields {
                    add_value(&mut facts, &name, field.node);
                }
                "input"
            }
            TypeKind::Enum(values) => {
                for value in values.values {
                    let value = value.node;
                    let description = text(value.description.map(|text| text.node));
                    facts.insert(
                        format!("{name}.{}", value.value.node),
                        ("value".to_owned(), description),
                    );
                }
                "enum"
            }
            TypeKind::Interface(_) => "interface",
            TypeKind::Union(_) => "union",
        };
        facts.insert(name, (kind.to_owned(), text(description)));
    }
    facts
}

fn add_field(facts: &mut BTreeMap<String, (String, String)>, parent: &str, field: FieldDefinition) {
    let path = format!("{parent}.{}", field.name.node);
    for argument in field.arguments {
        add_value(facts, &path, argument.node);
    }
    let description = text(field.description.map(|text| text.node));
    facts.insert(path, (field.ty.node.to_string(), description));
}

fn add_value(
    facts: &mut BTreeMap<String, (String, String)>,
    parent: &str,
    value: InputValueDefinition,
) {
    let default = value
        .default_value
        .map(|value| format!(" = {}", value.node))
        .unwrap_or_default();
    facts.insert(
        format!("{parent}.{}", value.name.node),
        (
            format!("{}{default}", value.ty.node),
            text(value.description.map(|text| text.node)),
        ),
    );
}

/// Descriptions mean the same however their lines are broken.
fn text(description: Option<String>) -> String {
    let text = description.unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn everything_that_was_promised_is_served_with_the_same_type_and_meaning() {
    let contract = std::fs::read_to_string(schemas().join("contract.graphql")).expect("is there");
    let served = facts(&gateway::graphql::sdl());
    let mut broken = Vec::new();
    for (path, (kind, description)) in facts(&contract) {
        match served.get(&path) {
            None => broken.push(format!("{path} is missing")),
            Some((served, _)) if *served != kind => {
                broken.push(format!("{path} is {served}, promised is {kind}"));
            }
            // More may be said of it, but what was said stays.
            Some((_, served)) if !served.starts_with(&description) => {
                broken.push(format!(
                    "{path} means {served:?}, promised is {description:?}"
                ));
            }
            Some(_) => {}
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let path = schemas().join("schema.graphql");
    let served = gateway::graphql::sdl();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &served).expect("is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "schemas/graphql/schema.graphql is not what is served: run the test with {UPDATE}=1 and look at the difference"
    );
}
