//! Every key pattern, in one place. What stands in braces decides the slot: keys that one script touches share it.

use domain::ids::{Digest, TraceId};

/// Conversations longer than this stand in a class of their own, so that a search of the past need not look at every
/// conversation that came after it. Class `n` holds durations above `LONG_CLASSES_US[n]`, up to the next.
pub(crate) const LONG_CLASSES_US: [i64; 5] = {
    const MINUTE_US: i64 = 60_000_000;
    [
        MINUTE_US,
        8 * MINUTE_US,
        64 * MINUTE_US,
        512 * MINUTE_US,
        4_096 * MINUTE_US,
    ]
};

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    fn key(&self, rest: std::fmt::Arguments<'_>) -> String {
        format!("{}:{rest}", self.prefix)
    }

    /// LIST of encoded entries.
    pub(crate) fn log(&self, conversation: &Digest) -> String {
        self.key(format_args!("c:{{{conversation}}}:log"))
    }

    /// HASH: `v` version, `t` its token, `n` number of entries, `s` encoded summary.
    pub(crate) fn summary(&self, conversation: &Digest) -> String {
        self.key(format_args!("c:{{{conversation}}}:sum"))
    }

    /// ZSET of project names by last activity in microseconds.
    pub(crate) fn projects(&self) -> String {
        self.key(format_args!("projects"))
    }

    /// The keys of one project's lists.
    pub(crate) fn index(&self, project: &str) -> IndexKeys {
        IndexKeys {
            base: self.key(format_args!("idx:{{{}}}", project_digest(project))),
        }
    }

    /// ZSET of conversations by when they are due.
    pub(crate) fn due(&self) -> String {
        self.key(format_args!("due"))
    }

    /// ZSET of conversations whose entries there were corrected, by when. In the slot of [`Keys::due`].
    pub(crate) fn settled(&self) -> String {
        self.key(format_args!("settled:{{{}}}", self.due()))
    }

    /// HASH of the conversations that have spans in the trace: digest to [`project_tag`], both as bytes.
    pub(crate) fn trace(&self, trace: &TraceId) -> String {
        self.key(format_args!("tr:{{{trace}}}"))
    }

    /// LIST of encoded entries of a trace of one project.
    pub(crate) fn trace_log(&self, trace: &Digest) -> String {
        self.key(format_args!("t:{{{trace}}}:log"))
    }

    /// HASH of the same: `v` version, `t` its token, `n` number of entries, `s` encoded head.
    pub(crate) fn trace_head(&self, trace: &Digest) -> String {
        self.key(format_args!("t:{{{trace}}}:head"))
    }

    /// ZSET of traces by when something is to be decided about them.
    pub(crate) fn traces_due(&self) -> String {
        self.key(format_args!("traces:due"))
    }

    /// ZSET of traces whose entries there were corrected, by when. In the slot of [`Keys::traces_due`].
    pub(crate) fn traces_settled(&self) -> String {
        self.key(format_args!("traces:settled:{{{}}}", self.traces_due()))
    }

    /// ZSET of a project's traces that hold spans without an id, by when the first of them was recorded.
    pub(crate) fn held(&self, project: &str) -> String {
        self.key(format_args!("held:{{{}}}", project_digest(project)))
    }

    /// HASH of the bytes that each of them holds, and of all together.
    pub(crate) fn held_bytes(&self, project: &str) -> String {
        self.key(format_args!("held:{{{}}}:bytes", project_digest(project)))
    }

    /// HASH of what is known of one point at which calls without an id meet: `v` version, `s` encoded value.
    pub(crate) fn joint(&self, point: &Digest) -> String {
        self.key(format_args!("ch:{{{point}}}"))
    }

    /// HASH of counts of spans without a conversation.
    pub(crate) fn unassigned(&self, project: &str) -> String {
        self.key(format_args!("unassigned:{{{}}}", project_digest(project)))
    }

    /// HASH of counts of spans of which not all that they say was read.
    pub(crate) fn unread(&self, project: &str) -> String {
        self.key(format_args!("unread:{{{}}}", project_digest(project)))
    }

    /// HASH of a consumer group's progress; there is one for each of `tag`.
    pub(crate) fn progress(&self, tag: &str, group: &str) -> String {
        self.key(format_args!("progress:{{{tag}}}:{group}"))
    }

    /// HASH: `at` when a part of sweeping was last claimed, `p` and `l` the project and the list with which the next begins.
    pub(crate) fn sweep(&self) -> String {
        self.key(format_args!("sweep"))
    }

    /// HASH of a consumer group's paused partitions.
    pub(crate) fn pauses(&self, group: &str) -> String {
        self.key(format_args!("pauses:{group}"))
    }

    /// Channel of wake-ups.
    pub(crate) fn changes(&self) -> String {
        self.key(format_args!("changes"))
    }

    /// Whether the key is one of [`Keys::progress`].
    pub(crate) fn is_progress(&self, key: &str) -> bool {
        key.starts_with(&self.key(format_args!("progress:")))
    }

    /// Glob that matches every key above. The prefix holds no glob characters.
    pub(crate) fn all(&self) -> String {
        self.key(format_args!("*"))
    }
}

/// Tells the projects of one trace apart.
pub(crate) fn project_tag(project: &str) -> [u8; 8] {
    let mut tag = [0; 8];
    tag.copy_from_slice(&project_digest(project).0[..8]);
    tag
}

fn project_digest(project: &str) -> Digest {
    Digest::of(&[project.as_bytes()])
}

/// All of one project, in one slot.
#[derive(Clone, Debug)]
pub(crate) struct IndexKeys {
    base: String,
}

impl IndexKeys {
    /// ZSET of the project's conversations by last activity in microseconds.
    pub(crate) fn all(&self) -> String {
        self.base.clone()
    }

    /// The same, of those in which the agent took part.
    pub(crate) fn agent(&self, agent: &str) -> String {
        format!("{}:agent:{}", self.base, Digest::of(&[agent.as_bytes()]))
    }

    /// The same, of those whose duration falls into the class.
    pub(crate) fn long(&self, class: usize) -> String {
        format!("{}:long:{class}", self.base)
    }

    /// ZSET of the keys of agents' indexes by when they were first written, for sweeping.
    pub(crate) fn agents(&self) -> String {
        format!("{}:agents", self.base)
    }

    /// ZSET of the moments at which listings began.
    pub(crate) fn epochs(&self) -> String {
        format!("{}:epochs", self.base)
    }

    /// ZSET of conversations by when they came to their present place, if recently.
    pub(crate) fn since(&self) -> String {
        format!("{}:since", self.base)
    }

    /// ZSET of former places by activity, for listings that began before the move.
    pub(crate) fn past(&self) -> String {
        format!("{}:past", self.base)
    }

    /// The same members by when they ended, for trimming.
    pub(crate) fn past_ends(&self) -> String {
        format!("{}:past:ends", self.base)
    }

    /// The moment before which former places were given up for want of room.
    pub(crate) fn past_floor(&self) -> String {
        format!("{}:past:floor", self.base)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    const HERE: &str = include_str!("keys.rs");
    const TOLD: &str = include_str!("../../../schemas/redis/keys.md");

    /// The patterns of this file's code: hash tags as `{}`, what else varies as `<>`.
    fn written() -> BTreeSet<String> {
        let code = HERE.split("#[cfg(test)]").next().unwrap_or_default();
        let literals = ["format_args!(\"", "format!(\""].map(|begin| code.split(begin).skip(1));
        let literals = literals.into_iter().flatten();
        let patterns = literals.map(|rest| rest.split('"').next().unwrap_or_default());
        let whole = patterns
            .filter(|pattern| !pattern.ends_with([':', '*']) && !pattern.starts_with("{}:{"));
        whole
            .map(|pattern| {
                let of_index = pattern
                    .strip_prefix("{}:")
                    .map(|rest| format!("idx:{{{{{{}}}}}}:{rest}"));
                let pattern = of_index.unwrap_or_else(|| pattern.to_owned());
                let tags = pattern.replace("{{{", "\u{1}").replace("}}}", "\u{2}");
                let tags = emptied(&tags, '\u{1}', '\u{2}');
                let varies = emptied(&tags, '{', '}').replace("{}", "<>");
                varies.replace("\u{1}\u{2}", "{}")
            })
            .collect()
    }

    /// The patterns in the first column of the document's tables, and the channel.
    fn told() -> BTreeSet<String> {
        let rows = TOLD.lines().filter_map(|line| {
            let line = line.strip_prefix("| ").unwrap_or(line);
            line.strip_prefix("`P:")?.split('`').next()
        });
        rows.map(|pattern| emptied(&emptied(pattern, '{', '}'), '<', '>'))
            .collect()
    }

    /// Without what stands between these.
    fn emptied(text: &str, open: char, close: char) -> String {
        let mut is_inside = false;
        text.chars()
            .filter(|char| {
                is_inside &= *char != close;
                let is_kept = !is_inside;
                is_inside |= *char == open;
                is_kept
            })
            .collect()
    }

    #[test]
    fn the_document_of_the_keys_has_all_of_them_and_no_others() {
        assert!(written().contains("t:{}:log") && written().contains("idx:{}:agent:<>"));
        assert_eq!(told(), written());
    }
}
