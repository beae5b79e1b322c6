/// Why a form is refused. All are limits: any bytes within them decode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The body is larger than [`Limits::bytes`](super::Limits::bytes).
    #[error("the form has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The body's size.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// More pairs than [`Limits::pairs`](super::Limits::pairs).
    #[error("the form has more than {limit} name=value pairs")]
    TooManyPairs {
        /// The limit in force.
        limit: usize,
    },
    /// A name with more brackets than [`Limits::depth`](super::Limits::depth).
    #[error("the form nests the field {field:?} more than {limit} levels deep")]
    TooDeep {
        /// The beginning of the field's top-level name.
        field: String,
        /// The limit in force.
        limit: usize,
    },
    /// More nested arrays in all than four for each pair of [`Limits::pairs`](super::Limits::pairs).
    #[error("the form has more than {limit} nested arrays")]
    TooManyArrays {
        /// The limit in force.
        limit: usize,
    },
}
