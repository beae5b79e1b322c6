/// A value as a form carries it: text or a PHP array, which keeps its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Bytes that should be UTF-8 but come from outside.
    Text(&'a [u8]),
    /// An array: a list, a list with gaps, or a map.
    List(Vec<(Key<'a>, Value<'a>)>),
}

/// A key of a PHP array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// An index.
    Int(i64),
    /// Any other key.
    Text(&'a [u8]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text.as_bytes())
    }
}
