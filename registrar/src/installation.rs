//! Installations: an app on a portal, its state and its credentials.

mod admission;
mod credentials;
mod proof;
mod repository;
mod tokens;

pub(crate) use self::{
    admission::{Admission, Refused},
    credentials::{Credentials, digest},
    proof::{Proof, Unproved, prove},
    repository::Installations,
    tokens::{Issued, Purpose, TokenError, Tokens},
};
pub(crate) use crate::storage::{Installation, Key, TokenDigest};
