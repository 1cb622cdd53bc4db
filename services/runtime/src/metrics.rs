//! What a service measures, defined once: the name, the description that Prometheus shows, and `docs/metrics.md`.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    pub kind: Kind,
    pub unit: Unit,
    /// As Prometheus shows it, without the endings of a histogram's series.
    pub name: &'static str,
    /// Its series differ in these.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Tells the recorder what each metric means. Call once at the start. Counters begin at 0 there, and not when they first count
/// something: to Prometheus, a series that begins with 1 has not increased. Of those with labels nobody knows the series.
pub fn describe(definitions: &[Definition]) {
    for definition in definitions {
        let Definition {
            kind,
            unit,
            name,
            labels,
            help,
        } = definition;
        match kind {
            Kind::Counter => describe_counter!(*name, *unit, *help),
            Kind::Gauge => describe_gauge!(*name, *unit, *help),
            Kind::Histogram => describe_histogram!(*name, *unit, *help),
        }
        if *kind == Kind::Counter && labels.is_empty() {
            counter!(*name).increment(0);
        }
    }
}

/// The definitions as a Markdown table.
pub fn reference(definitions: &[Definition]) -> String {
    let mut lines = vec![
        "| metric | kind | labels | meaning |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    lines.extend(definitions.iter().map(|definition| {
        let kind = format!("{:?}", definition.kind).to_lowercase();
        let quoted: Vec<_> = definition
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let labels = quoted.join(", ");
        format!(
            "| `{}` | {kind} | {labels} | {} |",
            definition.name, definition.help
        )
    }));
    lines.join("\n") + "\n"
}

/// Defines a constant for each metric's name, and `DEFINITIONS`, the list of them all.
///
/// ```
/// runtime::define_metrics! {
///     Counter Count REQUESTS "requests_total" by [outcome] "Answered requests.";
///     Histogram Seconds REQUEST_SECONDS "request_seconds" "From the head of a request to its answer.";
/// }
/// assert_eq!(REQUESTS, DEFINITIONS[0].name);
/// ```
#[macro_export]
macro_rules! define_metrics {
    ($($kind:ident $unit:ident $constant:ident $name:literal $(by [$($label:ident),+])? $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric of this service.
        pub const DEFINITIONS: &[$crate::metrics::Definition] = &[$($crate::metrics::Definition {
            kind: $crate::metrics::Kind::$kind,
            unit: $crate::metrics::exports::Unit::$unit,
            name: $name,
            labels: &[$($(stringify!($label)),+)?],
            help: $help,
        }),*];
    };
}

/// What the macro needs of other crates.
#[doc(hidden)]
pub mod exports {
    pub use metrics::Unit;
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    crate::define_metrics! {
        Counter Count READ "read_total" by [topic] "Records read.";
        Counter Count LOST "lost_total" "Records lost.";
        Gauge Bytes HELD_BYTES "held_bytes" "Bytes held now.";
    }

    #[test]
    fn counters_without_labels_begin_at_zero() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let rendered = recorder.handle();
        metrics::with_local_recorder(&recorder, || super::describe(DEFINITIONS));
        let text = rendered.render();
        assert!(text.contains("\nlost_total 0\n"), "{text}");
        assert!(!text.contains("\nread_total"), "{text}");
        assert_eq!((READ, LOST), ("read_total", "lost_total"));
    }

    #[test]
    fn the_reference_has_every_metric() {
        let text = super::reference(DEFINITIONS);
        assert!(text.contains("| `read_total` | counter | `topic` | Records read. |"));
        assert!(text.contains("| `held_bytes` | gauge |  | Bytes held now. |"));
        assert_eq!((READ, HELD_BYTES), ("read_total", "held_bytes"));
    }
}
