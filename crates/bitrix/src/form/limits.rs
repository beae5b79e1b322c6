/// How much form is taken. PHP's own limits are 1,000 pairs and depth 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `name=value` pairs (PHP's `max_input_vars`, where the rest is cut silently).
    pub pairs: usize,
    /// Brackets after one name (PHP's `max_input_nesting_level`, where the pair is dropped silently); 256 at most.
    pub depth: usize,
    /// Bytes of the body.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pairs: 10_000,
            depth: 64,
            bytes: 8 * 1024 * 1024,
        }
    }
}
