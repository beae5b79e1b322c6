use std::{error::Error, fmt};

/// One rule broken by a definition: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the `.proto` file; empty when the problem is not in one file.
    pub file: String,
    /// Full name of the method, e.g. `hasher.v1.Hasher.Md5`; empty when the problem is not in one method.
    pub method: String,
    /// Full name of the field, e.g. `hasher.v1.Md5Request.input_string`; empty when the problem is not in one field.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Everything that is wrong with a descriptor set; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// The problems, in the order of the descriptor set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }
}

impl Problem {
    /// A problem of the set as a whole.
    pub(crate) fn of_set(text: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            method: String::new(),
            field: String::new(),
            text: text.into(),
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [&self.file, &self.method, &self.field] {
            if !place.is_empty() {
                write!(f, "{place}: ")?;
            }
        }
        f.write_str(&self.text)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}
