//! What a change of a row means to someone who watches a filtered list.

use domain::window::Windows;

use crate::graphql::model::conversation::ConversationStatus;
use crate::graphql::model::events::ConversationEventKind as Kind;

/// `before` and `now` tell whether the row matched then and matches now; `finalised` whether it was finalised between.
pub(super) fn kind(before: bool, now: bool, finalised: bool) -> Option<Kind> {
    match (before, now) {
        (false, false) => None,
        (false, true) => Some(Kind::Added),
        (true, false) => Some(Kind::Removed),
        (true, true) if finalised => Some(Kind::Finalized),
        (true, true) => Some(Kind::Updated),
    }
}

/// `None` for windows that are not known any more.
pub(super) fn was_finalised(before: Option<&Windows>, now: &Windows) -> bool {
    let is_finalised = ConversationStatus::of(now) == ConversationStatus::Finalized;
    let is_other = before.is_none_or(|before| {
        before.revision < now.revision
            || ConversationStatus::of(before) != ConversationStatus::Finalized
    });
    is_finalised && is_other
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::window::Window;

    fn windows(revision: u32, is_open: bool) -> Windows {
        let window = Window {
            first_ms: 0,
            last_ms: 0,
        };
        Windows {
            revision,
            open: if is_open { vec![window] } else { Vec::new() },
            ..Windows::default()
        }
    }

    #[test]
    fn what_is_told_depends_on_whether_the_row_was_and_is_in_the_list() {
        assert_eq!(kind(false, false, true), None);
        assert_eq!(kind(false, true, true), Some(Kind::Added));
        assert_eq!(kind(true, false, true), Some(Kind::Removed));
        assert_eq!(kind(true, true, true), Some(Kind::Finalized));
        assert_eq!(kind(true, true, false), Some(Kind::Updated));
    }

    #[test]
    fn a_row_is_finalised_when_its_last_window_closes() {
        assert!(was_finalised(Some(&windows(0, true)), &windows(1, false)));
        assert!(
            was_finalised(Some(&windows(1, false)), &windows(2, false)),
            "and reopened between"
        );
        assert!(was_finalised(None, &windows(1, false)));
        assert!(!was_finalised(Some(&windows(1, false)), &windows(1, false)));
        assert!(!was_finalised(Some(&windows(0, true)), &windows(1, true)));
    }
}
