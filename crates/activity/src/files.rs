//! The files of a descriptor set: bounded, pruned to what annotated methods need, and put into canonical order.

use std::collections::BTreeMap;

use prost_reflect::DescriptorPool;

use crate::{
    Limits, Problem, Problems,
    annotation::{self, METHOD},
    weight,
    wire::{self, Malformed, Payload},
};

// Field numbers of descriptor.proto.
const SET_FILE: u32 = 1;
const FILE_NAME: u64 = 1;
const FILE_DEPENDENCY: u64 = 3;
const FILE_SERVICE: u64 = 6;
const FILE_SOURCE_INFO: u64 = 9;
const FILE_PUBLIC_DEPENDENCY: u64 = 10;
const FILE_SYNTAX: u64 = 12;
const SERVICE_METHOD: u64 = 2;

/// Ways along public imports: the reflection library walks each of them, so a few files could keep it busy for ever.
const PUBLIC_WAYS: u64 = 10_000;
const ANNOTATIONS: &str = "bizproc/v1/annotations.proto";

/// Files in an order in which each comes after those that it imports; no comments.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<File>);

#[derive(Debug)]
struct File {
    name: String,
    /// The descriptor without source info.
    bytes: Vec<u8>,
    dependencies: Vec<String>,
    public: Vec<u64>,
}

impl Files {
    /// The files that the annotated methods of an encoded `FileDescriptorSet` need.
    pub(crate) fn read(descriptors: &[u8], limits: &Limits) -> Result<Self, Problems> {
        if descriptors.len() > limits.bytes {
            return Err(of_set(format!(
                "the descriptor set has {} bytes, the limit is {}; build it from the files of the annotated services only",
                descriptors.len(),
                limits.bytes
            )));
        }
        let mut files: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for record in wire::records(descriptors) {
            let record = record.map_err(|Malformed| no_set())?;
            let Some(bytes) = record.bytes(SET_FILE.into()) else {
                continue;
            };
            let name = name(bytes)?;
            if files.insert(name, bytes).is_some_and(|other| other != bytes) {
                return Err(of_file(name, "is in the descriptor set twice, with different contents"));
            }
            if files.len() > limits.files {
                return Err(of_set(format!(
                    "the descriptor set has more than {} files; build it from the files of the annotated services only",
                    limits.files
                )));
            }
        }
        let mut order = Order {
            files: &files,
            visited: BTreeMap::new(),
            sorted: Vec::new(),
        };
        for (&name, &bytes) in &files {
            if is_annotated(bytes) {
                order.visit(name, name)?;
            }
        }
        let sorted = Self(order.sorted);
        sorted.check_size()?;
        Ok(sorted)
    }

    /// The files as an encoded `FileDescriptorSet`.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut set = Vec::new();
        for file in &self.0 {
            wire::append(&mut set, SET_FILE, &file.bytes);
        }
        set
    }

    /// The encoded descriptor of a file.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|file| file.name == name).map(|file| &file.bytes[..])
    }

    fn check_size(&self) -> Result<(), Problems> {
        let mut ways: BTreeMap<&str, u64> = BTreeMap::new();
        let mut weight = 0_usize;
        for file in &self.0 {
            let mut of_file_ways = 1_u64;
            for &index in &file.public {
                let imported = usize::try_from(index)
                    .ok()
                    .and_then(|index| file.dependencies.get(index));
                let imported =
                    imported.ok_or_else(|| of_file(&file.name, "has a public import that isn't an import"))?;
                of_file_ways = of_file_ways.saturating_add(ways.get(&**imported).copied().unwrap_or(1));
            }
            if of_file_ways > PUBLIC_WAYS {
                return Err(of_file(
                    &file.name,
                    "has too many public imports of public imports; import directly",
                ));
            }
            ways.insert(&file.name, of_file_ways);
            weight += weight::of_file(&file.bytes)
                .ok_or_else(|| of_file(&file.name, "is damaged, nested too deeply or has names that are none"))?;
            if weight > weight::LIMIT {
                return Err(of_set(
                    "the files of the annotated services and their imports define too much; move the services to files of their own",
                ));
            }
        }
        Ok(())
    }
}

struct Order<'a> {
    files: &'a BTreeMap<&'a str, &'a [u8]>,
    /// By name; `true`: being visited, a file on the way from the first importer.
    visited: BTreeMap<String, bool>,
    sorted: Vec<File>,
}

impl Order<'_> {
    /// Puts a file after what it imports. The depth of recursion is bounded by the number of files.
    fn visit(&mut self, name: &str, importer: &str) -> Result<(), Problems> {
        match self.visited.get(name) {
            Some(true) => return Err(of_file(importer, &format!("imports {name}, which imports it in turn"))),
            Some(false) => return Ok(()),
            None => {}
        }
        let known = if self.files.contains_key(name) {
            None
        } else {
            known(name)
        };
        let bytes = self.files.get(name).copied().or(known.as_deref()).ok_or_else(|| {
            let text = format!("imports {name}, which is not in the descriptor set; build the set with all imports (`--include_imports`)");
            of_file(importer, &text)
        })?;
        let file = parse(name, bytes)?;
        let mut imports: Vec<_> = file.dependencies.iter().collect();
        imports.sort();
        if let Some([import, _]) = imports.array_windows().find(|[one, other]| one == other) {
            return Err(of_file(name, &format!("imports {import} twice")));
        }
        self.visited.insert(name.to_owned(), true);
        for import in imports {
            self.visit(import, name)?;
        }
        self.visited.insert(name.to_owned(), false);
        self.sorted.push(file);
        Ok(())
    }
}

fn parse(name: &str, descriptor: &[u8]) -> Result<File, Problems> {
    let mut file = File {
        name: name.to_owned(),
        bytes: Vec::with_capacity(descriptor.len()),
        dependencies: Vec::new(),
        public: Vec::new(),
    };
    for record in wire::records(descriptor) {
        let record = record.map_err(|Malformed| no_set())?;
        match (record.number, record.payload) {
            (FILE_SOURCE_INFO, _) => continue,
            (FILE_DEPENDENCY, Payload::Bytes(import)) => {
                let import =
                    std::str::from_utf8(import).map_err(|_| of_file(name, "imports a name that is not UTF-8"))?;
                file.dependencies.push(import.to_owned());
            }
            // The reflection library knows no editions and panics on them.
            (FILE_SYNTAX, Payload::Bytes(syntax)) if ![&b"proto2"[..], b"proto3"].contains(&syntax) => {
                return Err(of_file(
                    name,
                    "is neither proto2 nor proto3; write `syntax = \"proto3\"`, editions can't be read yet",
                ));
            }
            (FILE_PUBLIC_DEPENDENCY, Payload::Varint(index)) => file.public.push(index),
            (FILE_PUBLIC_DEPENDENCY, Payload::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    file.public
                        .push(prost::encoding::decode_varint(&mut packed).map_err(|_| no_set())?);
                }
            }
            _ => {}
        }
        file.bytes.extend_from_slice(record.raw);
    }
    Ok(file)
}

/// A file that everybody has, for executors that leave it out: our annotations and protobuf's own files.
fn known(name: &str) -> Option<Vec<u8>> {
    if name == ANNOTATIONS {
        return wire::all(proto::DESCRIPTORS, SET_FILE.into())
            .find(|bytes| wire::all(bytes, FILE_NAME).next() == Some(ANNOTATIONS.as_bytes()))
            .map(<[u8]>::to_vec);
    }
    if !name.starts_with("google/protobuf/") {
        return None;
    }
    DescriptorPool::global()
        .get_file_by_name(name)
        .map(|file| file.encode_to_vec())
}

/// Name of a file; a name given twice is, by protobuf's rule, the last.
fn name(file: &[u8]) -> Result<&str, Problems> {
    let name = wire::all(file, FILE_NAME).last().unwrap_or_default();
    match std::str::from_utf8(name) {
        Ok("") | Err(_) => Err(of_set(
            "the descriptor set has a file without a name; build it with protoc or buf",
        )),
        Ok(name) => Ok(name),
    }
}

fn is_annotated(file: &[u8]) -> bool {
    wire::all(file, FILE_SERVICE)
        .flat_map(|service| wire::all(service, SERVICE_METHOD))
        .any(|method| annotation::is_set(method, METHOD))
}

fn no_set() -> Problems {
    of_set(
        "this is no encoded google.protobuf.FileDescriptorSet; make one with `protoc --include_imports --descriptor_set_out` or `buf build`",
    )
}

fn of_set(text: impl Into<String>) -> Problems {
    Problem::of_set(text).into()
}

fn of_file(file: &str, text: &str) -> Problems {
    Problem {
        file: file.to_owned(),
        method: String::new(),
        field: String::new(),
        text: text.to_owned(),
    }
    .into()
}
