//! What of a request was left out, for the answer to its sender.

/// Descriptions of single rejections; what comes after them is only counted.
const DESCRIBED_MAX: usize = 10;

/// Items that were left out while the others were taken, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejections {
    /// All items that were left out, as far as they could be counted.
    pub total: usize,
    /// Those of them that the descriptions speak of.
    told: usize,
    described: Vec<String>,
}

impl Rejections {
    /// One item.
    pub fn add(&mut self, reason: impl FnOnce() -> String) {
        self.add_many(1, reason);
    }

    /// A resource or a scope with the items in it: one at least, of which nobody knows how many they are.
    pub fn add_around(&mut self, items: usize, place: &str, reason: &str) {
        self.add_many(items.max(1), || match items {
            0 => format!("{place}: {reason}"),
            1 => format!("{place} with the item in it: {reason}"),
            _ => format!("{place} with the {items} items in it: {reason}"),
        });
    }

    fn add_many(&mut self, items: usize, reason: impl FnOnce() -> String) {
        self.total += items;
        if self.described.len() < DESCRIBED_MAX {
            self.told += items;
            self.described.push(reason());
        }
    }

    /// Those of a step before this one.
    pub fn put_first(&mut self, mut earlier: Self) {
        let room = DESCRIBED_MAX.saturating_sub(earlier.described.len());
        let fits = self.described.len() <= room;
        earlier.total += self.total;
        // Which items a description speaks of is not kept: where they do not all fit, the later ones are only counted.
        if fits {
            earlier.told += self.told;
            earlier.described.append(&mut self.described);
        }
        *self = earlier;
    }

    /// For the client's log.
    pub fn message(&self) -> String {
        let more = self.total - self.told;
        let mut message = self.described.join("; ");
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_described_is_counted() {
        let mut rejections = Rejections::default();
        rejections.add_around(5, "scope 0", "is broken");
        rejections.add_around(0, "resource 1", "is no message");
        for number in 0..20 {
            rejections.add(|| format!("span {number}"));
        }
        assert_eq!(rejections.total, 26);
        let message = rejections.message();
        assert!(
            message.starts_with(
                "scope 0 with the 5 items in it: is broken; resource 1: is no message; span 0;"
            ),
            "{message}"
        );
        assert!(message.ends_with("span 7; and 12 more"), "{message}");
    }

    #[test]
    fn two_steps_tell_in_their_order() {
        let of = |names: std::ops::Range<usize>| {
            let mut rejections = Rejections::default();
            names.for_each(|name| rejections.add(|| format!("span {name}")));
            rejections
        };
        let mut later = of(3..5);
        later.put_first(of(0..3));
        assert_eq!(later, of(0..5));
        let mut many = of(3..15);
        many.put_first(of(0..3));
        assert_eq!(many.message(), "span 0; span 1; span 2; and 12 more");
    }
}
