//! Differences between two schemas: where, what, and in which direction.

/// What a change does to the values that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Fewer are.
    Narrower,
    /// More are.
    Wider,
    /// Others are, or it cannot be told.
    Other,
    /// The same are: words, defaults, examples.
    Same,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where, as people write it: `query.days`; empty for the whole.
    pub(crate) place: String,
    pub(crate) direction: Direction,
    pub(crate) what: String,
}

pub(super) fn push(
    found: &mut Vec<Difference>,
    place: &str,
    direction: Direction,
    what: impl Into<String>,
) {
    let difference = Difference {
        place: place.to_owned(),
        direction,
        what: what.into(),
    };
    // Alternatives of one schema may differ by the same.
    if !found.contains(&difference) {
        found.push(difference);
    }
}
