//! One copy of the record: its fields and values, what they say, and what several copies agree on.
//!
//! A copy is a hash: `epoch` and `identity`; for each partition `p:<topic>:<partition>` with the progress, and
//! `o:<topic>:<partition>` with the owner of its claim. The progress is the watermark and the points, newest first:
//! `watermark|next,at,time;next,at,time`, with `-` for what is not known.

use super::{POINTS_MAX, PartitionProgress, Point};
use std::collections::BTreeMap;

/// By topic and partition.
pub(super) type Partitions = BTreeMap<(String, i32), PartitionProgress>;

/// Fields and values as they are stored.
pub(super) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What one copy says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) epoch: String,
    pub(super) partitions: Partitions,
}

pub(super) fn owner_field(topic: &str, partition: i32) -> String {
    format!("o:{topic}:{partition}")
}

pub(super) fn progress_field(topic: &str, partition: i32) -> String {
    format!("p:{topic}:{partition}")
}

/// `None` when there is no point, which says nothing.
pub(super) fn encode(progress: &PartitionProgress) -> Option<String> {
    let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
    let points: Vec<String> = progress
        .points
        .iter()
        .take(POINTS_MAX)
        .map(|point| {
            let Point {
                at_ms,
                next_offset,
                time_ms,
            } = *point;
            format!("{next_offset},{at_ms},{}", number(time_ms))
        })
        .collect();
    let watermark = number(progress.watermark_ms);
    (!points.is_empty()).then(|| format!("{watermark}|{}", points.join(";")))
}

/// `None` when no epoch has begun. Partitions that cannot be read are unknown.
pub(super) fn read(fields: Fields) -> Option<Copy> {
    let (mut epoch, mut partitions) = (None, Partitions::new());
    for (field, value) in fields {
        let (Ok(field), Ok(value)) = (String::from_utf8(field), String::from_utf8(value)) else {
            continue;
        };
        if field == "epoch" {
            epoch = Some(value);
        } else if let Some(progress) = parse(&field, &value) {
            partitions.insert((progress.topic.clone(), progress.partition), progress);
        }
    }
    Some(Copy {
        epoch: epoch?,
        partitions,
    })
}

fn parse(field: &str, value: &str) -> Option<PartitionProgress> {
    let (topic, partition) = field.strip_prefix("p:")?.rsplit_once(':')?;
    let (watermark, points) = value.split_once('|')?;
    Some(PartitionProgress {
        topic: topic.to_owned(),
        partition: partition.parse().ok()?,
        points: points
            .split(';')
            .take(POINTS_MAX)
            .map(parse_point)
            .collect::<Option<_>>()?,
        watermark_ms: parse_number(watermark)?,
    })
}

fn parse_point(text: &str) -> Option<Point> {
    let mut numbers = text.split(',');
    let point = Point {
        next_offset: numbers.next()?.parse().ok()?,
        at_ms: numbers.next()?.parse().ok()?,
        time_ms: parse_number(numbers.next()?)?,
    };
    numbers.next().is_none().then_some(point)
}

/// The outer `None` when it is no number, the inner one when it says that nothing is known.
fn parse_number(text: &str) -> Option<Option<i64>> {
    match text {
        "-" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

/// What both copies have, as far as the one that is further behind.
pub(super) fn lower(mut lowest: Partitions, copy: &Partitions) -> Partitions {
    // With equal offsets the lower watermark counts.
    let reach = |progress: &PartitionProgress| (progress.next_offset(), progress.watermark_ms);
    lowest.retain(|partition, progress| match copy.get(partition) {
        Some(other) => {
            if reach(other) < reach(progress) {
                *progress = other.clone();
            }
            true
        }
        None => false,
    });
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(partition: i32, next_offset: i64) -> PartitionProgress {
        let point = |back: i64| Point {
            at_ms: 1_000 - back,
            next_offset: next_offset - back,
            time_ms: (back == 0).then_some(-5),
        };
        PartitionProgress {
            topic: "a:b".to_owned(),
            partition,
            points: vec![point(0), point(1)],
            watermark_ms: Some(7),
        }
    }

    fn copy(partitions: &[(i32, i64)]) -> Partitions {
        let entry = |(partition, next_offset): &(i32, i64)| {
            (
                ("a:b".to_owned(), *partition),
                progress(*partition, *next_offset),
            )
        };
        partitions.iter().map(entry).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let rewound = PartitionProgress {
            watermark_ms: None,
            ..progress(3, 9)
        };
        for progress in [progress(0, 5), rewound] {
            let field = progress_field(&progress.topic, progress.partition);
            let value = encode(&progress).expect("it has points");
            assert_eq!(parse(&field, &value), Some(progress));
        }
        assert_eq!(
            encode(&progress(0, 5)).as_deref(),
            Some("7|5,1000,-5;4,999,-")
        );
    }

    #[test]
    fn points_have_a_bound_and_none_at_all_are_not_written() {
        let with = |points: usize| PartitionProgress {
            points: vec![progress(0, 5).points[0]; points],
            ..progress(0, 5)
        };
        assert_eq!(encode(&with(0)), None);
        let stored = encode(&with(POINTS_MAX + 1)).expect("it has points");
        assert_eq!(parse("p:a:b:0", &stored), Some(with(POINTS_MAX)));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for (field, value) in [
            ("p:a:b:0", "5|1|2|0123456789abcdef"),
            ("a:b:0", "7|5,1000,-5"),
            ("o:a:b:0", "7|5,1000,-5"),
            ("p:a:b:x", "7|5,1000,-5"),
            ("p:a", "7|5,1000,-5"),
            ("p:a:b:0", "7|"),
            ("p:a:b:0", "7|5,1000"),
            ("p:a:b:0", "7|5,1000,-5,6"),
            ("p:a:b:0", "7|-,1000,-5"),
            ("p:a:b:0", "x|5,1000,-5"),
            ("p:a:b:0", "7|5,1000,-5;"),
            ("p:a:b:0", ""),
        ] {
            assert_eq!(parse(field, value), None, "{field} {value}");
        }
        let bytes = |text: &[u8]| text.to_vec();
        let fields = vec![
            (bytes(b"p:a:b:0"), bytes(b"7|5,1000,-5;4,999,-")),
            (bytes(b"p:a:b:1"), bytes(b"\xff")),
            (bytes(b"epoch"), bytes(b"e")),
        ];
        let copy = Copy {
            epoch: "e".to_owned(),
            partitions: copy(&[(0, 5)]),
        };
        assert_eq!(read(fields.clone()), Some(copy));
        assert_eq!(read(fields[..2].to_vec()), None);
    }

    #[test]
    fn the_copy_that_is_furthest_behind_counts() {
        assert_eq!(
            lower(copy(&[(0, 5), (1, 7), (2, 1)]), &copy(&[(0, 6), (1, 4)])),
            copy(&[(0, 5), (1, 4)])
        );
        let mut rewound = copy(&[(0, 5)]);
        for progress in rewound.values_mut() {
            progress.watermark_ms = None;
        }
        assert_eq!(lower(copy(&[(0, 5)]), &rewound), rewound);
    }
}
