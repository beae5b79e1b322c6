use std::{collections::HashMap, fmt, panic, sync::Arc};

use prost_reflect::DescriptorPool;
use proto::bizproc::v1::Activity as Annotation;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    Activity, CodePattern, Kind, Limits, Problem, Problems, Revision,
    annotation::{self, METHOD},
    call::Call,
    files::Files,
    property::Source,
    report::Report,
};

/// Part of what a revision is computed from: raised when the meaning of a definition changes without its text.
const FORMAT: &str = "1";

/// The activities of one executor, checked.
#[derive(Clone)]
pub struct Set {
    activities: Vec<Activity>,
    by_code: HashMap<String, usize>,
    descriptors: Vec<u8>,
    revision: Revision,
}

impl Set {
    /// Reads an encoded `google.protobuf.FileDescriptorSet` from an untrusted executor.
    ///
    /// Files without annotated methods may be there; they are left out. Our annotations and protobuf's own files may be
    /// missing. A set without any annotated method is fine and empty.
    ///
    /// # Errors
    /// Everything that is wrong with the set.
    pub fn read(descriptors: &[u8], limits: &Limits) -> Result<Self, Problems> {
        let files = Files::read(descriptors, limits)?;
        let descriptors = files.encode();
        let pool = pool(&descriptors)?;
        let mut problems = Vec::new();
        let mut activities = annotated(&pool, &files, limits, &mut problems);
        if !problems.is_empty() {
            return Err(Problems::new(problems));
        }
        activities.sort_by(|one, other| one.code().cmp(other.code()));
        let by_code = activities
            .iter()
            .enumerate()
            .map(|(index, activity)| (activity.code().to_owned(), index))
            .collect();
        let revision = revision(&activities);
        Ok(Self {
            activities,
            by_code,
            descriptors,
            revision,
        })
    }

    /// The activities and robots, ordered by code.
    pub fn activities(&self) -> &[Activity] {
        &self.activities
    }

    /// The activity or robot with this code.
    pub fn find(&self, code: &str) -> Option<&Activity> {
        self.by_code.get(code).map(|&index| &self.activities[index])
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
        let refused = self
            .activities
            .iter()
            .filter(|activity| !allowed.iter().any(|pattern| pattern.matches(activity.code())));
        let problems: Vec<_> = refused
            .map(|activity| Problem {
                file: activity.method().parent_file().name().to_owned(),
                method: activity.method().full_name().to_owned(),
                field: String::new(),
                text: format!(
                    "claims the code {:?}, which this executor's configuration doesn't allow; add it to the executor's codes, or change it",
                    activity.code()
                ),
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems::new(problems))
        }
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.activities.iter().map(Activity::code).collect();
        f.debug_struct("Set")
            .field("revision", &self.revision)
            .field("codes", &codes)
            .finish_non_exhaustive()
    }
}

/// The files of a descriptor set that its annotated methods need, in canonical order and without comments.
///
/// # Errors
/// When the bytes are no descriptor set, are over a limit, or miss a file that another one imports.
pub fn prune(descriptors: &[u8], limits: &Limits) -> Result<Vec<u8>, Problems> {
    Files::read(descriptors, limits).map(|files| files.encode())
}

fn pool(descriptors: &[u8]) -> Result<DescriptorPool, Problem> {
    // The library is made for what a compiler wrote: tests with damaged descriptors make it panic.
    let pool = panic::catch_unwind(|| DescriptorPool::decode(descriptors));
    let pool = pool.map_err(|_| Problem::of_set("the descriptors are damaged; build them with protoc or buf"))?;
    pool.map_err(|error| Problem::of_set(format!("the descriptors don't fit together: {error}")))
}

fn annotated(pool: &DescriptorPool, files: &Files, limits: &Limits, problems: &mut Vec<Problem>) -> Vec<Activity> {
    let mut activities = Vec::new();
    let mut owners: HashMap<String, String> = HashMap::new();
    let mut count = 0;
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let bytes = files.get(method.parent_file().name());
        let bytes = bytes
            .and_then(|file| annotation::descend(file, method.path()))
            .unwrap_or_default();
        let mut report = Report::new(&method, problems);
        let annotation = match annotation::read::<Annotation>(bytes, METHOD) {
            Ok(Some(annotation)) => annotation,
            Ok(None) => continue,
            Err(fault) => {
                report.method(fault);
                continue;
            }
        };
        count += 1;
        if count > limits.methods {
            problems.push(Problem::of_set(format!(
                "more than {} methods are annotated; split the executor",
                limits.methods
            )));
            return activities;
        }
        let source = Source {
            files,
            limits,
            has_document_type: annotation.document_type.is_some(),
        };
        let call = Arc::new(Call::read(method.clone(), &annotation, source, &mut report));
        for (code, kind) in [(annotation.code, Kind::Activity), (annotation.robot_code, Kind::Robot)] {
            if code.is_empty() {
                continue;
            }
            if let Some(owner) = owners.insert(code.clone(), method.full_name().to_owned()) {
                report.method(format!(
                    "has the code {code:?}, which {owner} has, too; activities and robots share one space of codes, choose another"
                ));
            }
            activities.push(Activity::new(code, kind, Arc::clone(&call)));
        }
    }
    activities
}

fn revision(activities: &[Activity]) -> Revision {
    let content: Json = activities.iter().map(Activity::fingerprint).collect();
    let digest = Sha256::new()
        .chain_update(FORMAT)
        .chain_update(content.to_string())
        .finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    Revision::new(bytes)
}
