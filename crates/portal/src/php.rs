//! PHP's own rules, where a caller can see them: casts, `empty()`, `serialize()`, `parse_url()`, `parse_str()` and how arrays become JSON.
//!
//! PHP values are [`serde_json::Value`]s: a PHP array is an array or an ordered object. PHP itself cannot tell a list from a map with the
//! keys 0, 1, 2…; [`json::output`] brings both to the form that PHP prints.

pub mod cast;
pub mod form;
pub mod json;
pub mod query;
pub mod serialize;
pub mod text;
pub mod url;
