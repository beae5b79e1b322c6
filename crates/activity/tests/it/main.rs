//! The crate from outside: descriptors compiled from source in, definitions and values out.

mod answer;
mod definition;
mod executor;
mod fuzz;
mod masked;
mod request;
mod rules;
mod set;
