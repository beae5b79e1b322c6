//! Form bodies by PHP's rules.
//!
//! A portal is a PHP program: it encodes with `http_build_query` and means what `parse_str` reads. [`decode`] reads the
//! same tree: brackets nest, `k[]` appends, a later scalar wins, dots and blanks in a top-level name become `_`, keys
//! that look like an integer are integers, order is the order of first appearance. It follows
//! `php_register_variable_ex` of PHP 8.2 and is checked against what PHP decoded.
//!
//! Where PHP silently cuts (too many variables, too deep), this decoder fails instead: half a form is worse than none.

mod array;
mod decode;
mod error;
mod hex;
mod json;
mod key;
mod limits;
mod name;
mod pairs;
mod tree;

pub use array::{Array, Iter, Value};
pub use decode::decode;
pub use error::FormError;
pub use json::to_json;
pub use key::Key;
pub use limits::Limits;

#[cfg(test)]
mod tests;
