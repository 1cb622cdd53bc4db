//! Finding the items of a request, and what is around them.
//!
//! What is around items and cannot be read costs the items in it: a resource says whose they are, and any of its attributes
//! may be the one that does. Its neighbours are taken.

use super::Rejections;
use super::check::{Shape, check_field};
use super::proto::{Field, fields};
use crate::refusal::Refusal;

/// What a sender can do about what is broken.
pub(super) const ADVICE: &str = "let the exporter write OTLP as it is defined";

/// One span or log record where it lies in the request.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    /// Its place among the resources of the request.
    pub(super) resource: usize,
    /// Its place among all scopes.
    pub(super) scope: usize,
    /// Its own place in its scope.
    pub(super) number: usize,
    /// With tag and length.
    pub(super) raw: &'a [u8],
    pub(super) data: &'a [u8],
}

/// Everything around the items: the fields of resources and scopes that are not what they contain.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) resources: Vec<Vec<u8>>,
    pub(super) scopes: Vec<Scope>,
}

pub(super) struct Scope {
    /// Its place in its resource.
    pub(super) position: usize,
    /// 2, or 1000 in requests of producers older than OTLP 0.19.
    pub(super) number: u32,
    pub(super) head: Vec<u8>,
}

/// The items of a request in its order, and what is around them.
///
/// # Errors
/// When the request is malformed as a whole, or holds too many of anything.
pub(super) fn walk<'a>(
    request: &'a [u8],
    items_max: usize,
    rejections: &mut Rejections,
) -> Result<(Frame, Vec<Item<'a>>), Refusal> {
    let mut walk = Walk {
        items_max,
        frame: Frame::default(),
        items: Vec::new(),
        rejections,
    };
    for field in fields(request) {
        let field = field.map_err(|cause| {
            Refusal::malformed(format!("the request is no OTLP: {cause}: {ADVICE}"))
        })?;
        if field.number == 1 {
            walk.resource(&field)?;
        }
    }
    Ok((walk.frame, walk.items))
}

struct Walk<'a, 'r> {
    items_max: usize,
    frame: Frame,
    items: Vec<Item<'a>>,
    rejections: &'r mut Rejections,
}

impl<'a> Walk<'a, '_> {
    fn resource(&mut self, field: &Field<'a>) -> Result<(), Refusal> {
        let resource = self.frame.resources.len();
        self.bounded(resource)?;
        // Even one that is left out has its place, by which the next ones are counted.
        self.frame.resources.push(Vec::new());
        let around = self.around(Shape::ResourceHead, field, self.frame.scopes.len())?;
        if let Some(reason) = around.broken {
            let inside = around.inside.iter().filter_map(|scope| scope.data);
            let inside = inside.map(|scope| fields(scope).flatten().filter(is_item).count());
            self.lose(inside.sum(), &format!("resource {resource}"), &reason);
            return Ok(());
        }
        self.frame.resources[resource] = around.head;
        for (position, scope) in around.inside.iter().enumerate() {
            self.scope(scope, resource, position)?;
        }
        Ok(())
    }

    fn scope(
        &mut self,
        field: &Field<'a>,
        resource: usize,
        position: usize,
    ) -> Result<(), Refusal> {
        let scope = self.frame.scopes.len();
        self.bounded(scope)?;
        let around = self.around(Shape::ScopeHead, field, self.items.len())?;
        self.frame.scopes.push(Scope {
            position,
            number: field.number,
            head: around.head,
        });
        if let Some(reason) = around.broken {
            let place = format!("resource {resource}, scope {position}");
            self.lose(around.inside.len(), &place, &reason);
            return Ok(());
        }
        let items = around.inside.into_iter().enumerate();
        self.items.extend(items.filter_map(|(number, item)| {
            Some(Item {
                resource,
                scope,
                number,
                raw: item.raw,
                data: item.data?,
            })
        }));
        Ok(())
    }

    /// Reads a resource or a scope, in which there is room for what is in it beside the `known` ones before.
    fn around(&self, shape: Shape, field: &Field<'a>, known: usize) -> Result<Around<'a>, Refusal> {
        let mut around = Around::default();
        let Some(data) = field.data else {
            around.broken = Some(format!(
                "its wire type is {:?} where a message belongs",
                field.wire
            ));
            return Ok(around);
        };
        for field in fields(data) {
            let read = field.map_err(|cause| cause.to_string());
            let read = read.and_then(|field| check_field(shape, &field).map(|()| field));
            match read {
                Ok(field) if shape.is_inside(field.number) => {
                    self.bounded(known + around.inside.len())?;
                    around.inside.push(field);
                }
                Ok(field) => around.head.extend_from_slice(field.raw),
                // What comes after it is counted all the same.
                Err(reason) => drop(around.broken.get_or_insert(reason)),
            }
        }
        Ok(around)
    }

    fn lose(&mut self, items: usize, place: &str, reason: &str) {
        let reason = format!("{reason}: {ADVICE}");
        self.rejections.add_around(items, place, &reason);
    }

    fn bounded(&self, count: usize) -> Result<(), Refusal> {
        let items_max = self.items_max;
        if count < items_max {
            return Ok(());
        }
        Err(Refusal::too_large(format!(
            "more than {items_max} spans, log records, scopes or resources in one request \
             (intake.limits.items_max): send smaller batches"
        )))
    }
}

fn is_item(field: &Field<'_>) -> bool {
    field.number == 2
}

/// A resource or a scope: what it says of itself, and the messages in it.
#[derive(Default)]
struct Around<'a> {
    /// Its own fields, as they were written.
    head: Vec<u8>,
    inside: Vec<Field<'a>>,
    /// What of it cannot be read.
    broken: Option<String>,
}
