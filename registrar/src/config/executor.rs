use std::path::PathBuf;

use activity::CodePattern;
use serde::{Deserialize, Deserializer, de};
use tonic::codegen::http::Uri;

/// A gRPC server whose annotated methods become activities.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executor {
    /// `…__URI`: `http://host:port` or `https://host:port`. Required.
    #[serde(deserialize_with = "uri")]
    pub uri: String,
    /// `…__DESCRIPTORS`: `reflection`, or the path of a descriptor-set file. Default: reflection.
    #[serde(default)]
    pub descriptors: Descriptors,
    /// `…__CODES`: the codes that it may claim, each a code or the beginning of codes and `*`. Default: none.
    #[serde(default)]
    pub codes: Vec<CodePattern>,
}

/// Where an executor's descriptors come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "String")]
pub enum Descriptors {
    /// From the executor itself, by server reflection: for development.
    #[default]
    Reflection,
    /// From a descriptor-set file that the executor's build made.
    File(PathBuf),
}

impl From<String> for Descriptors {
    fn from(text: String) -> Self {
        if text == "reflection" {
            Self::Reflection
        } else {
            Self::File(text.into())
        }
    }
}

fn uri<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || de::Error::custom(format!("`{text}` is no address of a server: write `http://host:port`"));
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && uri.host().is_some();
    if !bare || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong());
    }
    Ok(text.trim_end_matches('/').to_owned())
}
