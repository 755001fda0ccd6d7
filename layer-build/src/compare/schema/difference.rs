//! Differences between two schemas: their place, their text, and their direction.

/// The effect of a change on the accepted values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Fewer values.
    Narrower,
    /// More values.
    Wider,
    /// Other values, or an unknown effect.
    Other,
    /// The same values: descriptions, defaults, examples.
    Same,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The place, in the form for people: `query.days`; empty for the whole.
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
    // Alternatives of one schema may have the same difference.
    if !found.contains(&difference) {
        found.push(difference);
    }
}
