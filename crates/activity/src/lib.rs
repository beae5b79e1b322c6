//! Definitions of activities: read from protobuf descriptors, checked by the portal's rules, and used to turn the values
//! of a callback into a request message and a response message into return values.
//!
//! A gRPC method with the `bizproc.v1.activity` option is an activity, a robot, or both. [`Set::read`] takes the
//! descriptors of an executor, which are untrusted, and gives a [`Set`] in which everything that the portal would refuse,
//! or would accept and never deliver, is ruled out; or [`Problems`], all of them, for the executor's author.
//!
//! This crate knows no service, no HTTP and no form: a caller brings the values of a callback as [`Value`]s.
//!
//! ```
//! use activity::{Culture, Limits, Set, Value};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let set = Set::read(proto::DESCRIPTORS, &Limits::default())?;
//! let md5 = set.find("md5").ok_or("the reference executor has md5")?;
//! assert_eq!(md5.parameters()["USE_SUBSCRIPTION"], "Y");
//! let culture = Culture::unset("portals.example");
//! let request = md5.request([(&b"inputString"[..], Value::from("abc"))], &culture)?;
//! assert_eq!(request.get_field_by_name("input_string").as_deref().and_then(|text| text.as_str()), Some("abc"));
//! # Ok(())
//! # }
//! ```

mod activity;
mod annotation;
mod answer;
mod behaviour;
mod call;
mod code_pattern;
mod culture;
mod document;
mod files;
mod kind;
mod limits;
mod localized;
mod mapping_error;
mod masked;
mod names;
mod number;
mod php_size;
mod problem;
mod property;
mod report;
mod request;
mod revision;
mod select;
mod set;
mod timestamp;
mod value;
mod weight;
mod wire;

pub use crate::{
    activity::{Activity, Kind},
    behaviour::{ErrorOutput, OnFailure, Wait},
    code_pattern::{CodePattern, CodePatternError},
    culture::{Culture, DateFormat, DateFormatError, Zone, ZoneError},
    limits::Limits,
    mapping_error::MappingError,
    problem::{Problem, Problems},
    revision::{Revision, RevisionError},
    set::{Set, prune},
    value::{Key, Value},
};
