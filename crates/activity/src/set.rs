use crate::{Activity, CodePattern, Limits, Problems, Revision};

/// The activities of one executor, checked.
#[derive(Debug, Clone)]
pub struct Set {
    activities: Vec<Activity>,
    descriptors: Vec<u8>,
    revision: Revision,
}

impl Set {
    /// Reads an encoded `google.protobuf.FileDescriptorSet` from an untrusted executor.
    ///
    /// Files without annotated methods may be there; they are left out. A set without any annotated method is fine and
    /// empty.
    ///
    /// # Errors
    /// Everything that is wrong with the set.
    pub fn read(descriptors: &[u8], limits: &Limits) -> Result<Self, Problems> {
        let _ = (descriptors, limits);
        unimplemented!()
    }

    /// The activities and robots, ordered by code.
    pub fn activities(&self) -> &[Activity] {
        &self.activities
    }

    /// The activity or robot with this code.
    pub fn find(&self, code: &str) -> Option<&Activity> {
        self.activities.iter().find(|activity| activity.code() == code)
    }

    /// The descriptors, pruned and in canonical order: what to keep with the revision. [`Set::read`] reads them back to
    /// the same revision.
    pub fn descriptors(&self) -> &[u8] {
        &self.descriptors
    }

    /// Identity of this set.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Checks that every code is allowed by a pattern; without patterns none is.
    ///
    /// # Errors
    /// A problem for each code that isn't allowed.
    pub fn restrict(&self, allowed: &[CodePattern]) -> Result<(), Problems> {
        let _ = allowed;
        unimplemented!()
    }
}

/// The files of a descriptor set that its annotated methods need, in canonical order and without comments.
///
/// # Errors
/// When the bytes are no descriptor set, are over a limit, or miss a file that another one imports.
pub fn prune(descriptors: &[u8], limits: &Limits) -> Result<Vec<u8>, Problems> {
    let _ = (descriptors, limits);
    unimplemented!()
}
