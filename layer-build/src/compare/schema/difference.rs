//! The differences between two schemas, each with its place, its description and its direction.

/// The effect of a change on the set of accepted values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Fewer values.
    Narrower,
    /// More values.
    Wider,
    /// Other values, or an unknown effect.
    Other,
    /// The same values: the change is in a description, a default or an example.
    Same,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The place, such as `query.days`; empty for the schema as a whole.
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
    // Several alternatives of a schema may have the same difference; report it once.
    if !found.contains(&difference) {
        found.push(difference);
    }
}
