//! Whose call it is, as far as attributes tell: the user, and the instance of the program that made the call.

use crate::ids::Digest;
use crate::span::User;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Resource attributes that tell one running program, machine or session from another.
const INSTANCE_ATTRIBUTES: [&str; 9] = [
    "service.instance.id",
    "session.id",
    "device.id",
    "container.id",
    "k8s.pod.uid",
    "k8s.pod.name",
    "host.id",
    "host.name",
    "process.pid",
];

/// Digests of what names a user and an instance; the names themselves are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// By rank: id, e-mail, name.
    #[serde(rename = "u", skip_serializing_if = "Marks::is_empty")]
    user: Marks,
    /// By position in [`INSTANCE_ATTRIBUTES`].
    #[serde(rename = "i", skip_serializing_if = "Marks::is_empty")]
    instance: Marks,
}

/// Values by what they are a value of, in that order.
type Marks = Vec<(u8, u64)>;

/// What two attributes sets say of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    Contradicts,
    /// They have nothing in common that could be compared.
    Unknown,
    Same,
}

impl Who {
    pub fn new(user: &User, resource: Option<&Value>) -> Self {
        let user = [&user.id, &user.email, &user.name];
        let instance = INSTANCE_ATTRIBUTES.map(|name| resource.and_then(|map| map.get(name)));
        Self {
            user: marks(user.map(|value| value.as_deref().map(str::trim).map(mark))),
            instance: marks(instance.map(|value| match value {
                Some(Value::String(text)) if text.trim().is_empty() => None,
                Some(Value::String(text)) => Some(mark(text.trim())),
                Some(Value::Number(number)) => Some(mark(&number.to_string())),
                _ => None,
            })),
        }
    }

    /// Takes from another report of the same what this one lacks.
    pub fn or(self, other: &Self) -> Self {
        let or = |own: Marks, other: &Marks| if own.is_empty() { other.clone() } else { own };
        Self {
            user: or(self.user, &other.user),
            instance: or(self.instance, &other.instance),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.user.is_empty() && self.instance.is_empty()
    }

    pub fn has_user(&self) -> bool {
        !self.user.is_empty()
    }

    /// The highest-ranking name that both have decides: one id with two spellings of a name is one user.
    pub fn user(&self, other: &Self) -> Relation {
        match common(&self.user, &other.user).next() {
            None => Relation::Unknown,
            Some(is_equal) => {
                if is_equal {
                    Relation::Same
                } else {
                    Relation::Contradicts
                }
            }
        }
    }

    /// One attribute that differs is enough for another instance: two processes of one machine are two.
    pub fn instance(&self, other: &Self) -> Relation {
        let mut relation = Relation::Unknown;
        for is_equal in common(&self.instance, &other.instance) {
            if !is_equal {
                return Relation::Contradicts;
            }
            relation = Relation::Same;
        }
        relation
    }

    /// Whether what is known says that both are one: nothing contradicts and something agrees.
    pub fn is_same(&self, other: &Self) -> bool {
        let relations = [self.user(other), self.instance(other)];
        !relations.contains(&Relation::Contradicts) && relations.contains(&Relation::Same)
    }
}

fn marks<const N: usize>(values: [Option<u64>; N]) -> Marks {
    let numbered = values.into_iter().enumerate();
    numbered
        .filter_map(|(number, value)| Some((u8::try_from(number).ok()?, value?)))
        .collect()
}

fn mark(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Digest::of(&[text.as_bytes()]).0[..8]);
    u64::from_le_bytes(bytes)
}

/// Whether they are equal, for each of what both have, by rank.
fn common<'a>(a: &'a Marks, b: &'a Marks) -> impl Iterator<Item = bool> + 'a {
    a.iter().filter_map(move |(kind, value)| {
        let (_, other) = b.iter().find(|(other, _)| other == kind)?;
        Some(value == other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(id: Option<&str>, email: Option<&str>) -> Who {
        let user = User {
            id: id.map(str::to_owned),
            email: email.map(str::to_owned),
            ..User::default()
        };
        Who::new(&user, None)
    }

    #[test]
    fn the_first_name_that_both_have_decides_on_the_user() {
        let jane = user(Some("1"), Some("jane@example.com"));
        assert_eq!(
            jane.user(&user(Some("1"), Some("j@example.com"))),
            Relation::Same
        );
        assert_eq!(
            jane.user(&user(Some("2"), Some("jane@example.com"))),
            Relation::Contradicts
        );
        assert_eq!(
            jane.user(&user(None, Some("jane@example.com"))),
            Relation::Same
        );
        assert_eq!(jane.user(&Who::default()), Relation::Unknown);
    }

    #[test]
    fn one_difference_makes_another_instance() {
        let on = |resource: Value| Who::new(&User::default(), Some(&resource));
        let first = on(json!({"host.name": "a", "process.pid": 7, "service.name": "shop"}));
        assert_eq!(
            first.instance(&on(json!({"host.name": "a"}))),
            Relation::Same
        );
        assert_eq!(
            first.instance(&on(json!({"host.name": "a", "process.pid": 8}))),
            Relation::Contradicts
        );
        assert_eq!(
            first.instance(&on(json!({"service.name": "shop"}))),
            Relation::Unknown
        );
    }
}
