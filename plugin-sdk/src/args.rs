//! The parameter type that receives all arguments of a tool as one value.

/// The parameter type of a tool that receives all its arguments as one struct, instead of one parameter each.
///
/// ```
/// use plugin_sdk::{data, prelude::*};
///
/// #[data]
/// struct Query {
///     /// A city.
///     city: String,
///     /// How many days from today. Default: 1.
///     #[serde(default = "one")]
///     days: u8,
/// }
///
/// fn one() -> u8 {
///     1
/// }
///
/// /// The weather to come.
/// #[tool(read_only)]
/// fn forecast(query: Args<Query>) -> String {
///     format!("{} days of sun in {}", query.days, query.city)
/// }
///
/// export_tools!(forecast);
/// ```
///
/// `T` may be any type that can be deserialized from a JSON object. With a [custom schema](crate#custom-schemas) it may
/// also be [`serde_json::Value`] or `Box<RawValue>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Args<T>(pub T);

impl<T> std::ops::Deref for Args<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::ops::DerefMut for Args<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
