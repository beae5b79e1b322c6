//! Sets: what is read, what is left out, and how a set is identified.

use activity::{CodePattern, Limits, Set, prune};
use prost::Message;
use prost_types::FileDescriptorSet;

use crate::executor::{Executor, FILE, GOOD, compile};

const OTHER: &str =
    r#"syntax = "proto3"; package other; message Big { string a = 1; } service Other { rpc Get(Big) returns (Big); }"#;

fn read(descriptors: &[u8]) -> Set {
    Set::read(descriptors, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn refused(descriptors: &[u8], limits: &Limits) -> String {
    Set::read(descriptors, limits)
        .expect_err("it has a problem")
        .to_string()
}

/// The files of an encoded set, each encoded, since generated types would lose the annotations.
fn split(mut set: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    while !set.is_empty() {
        assert_eq!(set[0], 0x0a);
        set = &set[1..];
        let length = usize::try_from(prost::encoding::decode_varint(&mut set).unwrap()).unwrap();
        let (file, rest) = set.split_at(length);
        files.push((
            prost_types::FileDescriptorProto::decode(file)
                .unwrap()
                .name()
                .to_owned(),
            file.to_vec(),
        ));
        set = rest;
    }
    files
}

fn join(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut set = Vec::new();
    for (_, file) in files {
        set.push(0x0a);
        prost::encoding::encode_varint(file.len() as u64, &mut set);
        set.extend(file);
    }
    set
}

#[test]
fn revision_and_descriptors_do_not_depend_on_the_order_of_files() {
    let mut files = split(&compile(&[(FILE, &GOOD.source()), ("other.proto", OTHER)]));
    let set = read(&join(&files));
    for _ in 0..files.len() {
        files.rotate_left(1);
        let other = read(&join(&files));
        assert_eq!(other.revision(), set.revision());
        assert_eq!(other.descriptors(), set.descriptors());
    }
    files.reverse();
    assert_eq!(read(&join(&files)).descriptors(), set.descriptors());
}

#[test]
fn what_is_kept_reads_back_to_the_same_set() {
    for descriptors in [GOOD.descriptors(), proto::DESCRIPTORS.to_vec()] {
        let set = read(&descriptors);
        let again = read(set.descriptors());
        assert_eq!(again.revision(), set.revision());
        assert_eq!(again.descriptors(), set.descriptors());
        assert_eq!(prune(&descriptors, &Limits::default()).unwrap(), set.descriptors());
        for (one, other) in set.activities().iter().zip(again.activities()) {
            assert_eq!(one.parameters(), other.parameters());
        }
    }
}

#[test]
fn pruned_descriptors_have_the_needed_files_without_comments() {
    let set = read(proto::DESCRIPTORS);
    let files = FileDescriptorSet::decode(set.descriptors()).unwrap().file;
    let names: Vec<_> = files.iter().map(prost_types::FileDescriptorProto::name).collect();
    assert_eq!(
        names,
        [
            "google/protobuf/descriptor.proto",
            "google/protobuf/duration.proto",
            "bizproc/v1/annotations.proto",
            "hasher/v1/hasher.proto"
        ]
    );
    assert!(files.iter().all(|file| file.source_code_info.is_none()));
}

#[test]
fn a_set_without_activities_is_empty() {
    for descriptors in [Vec::new(), compile(&[("other.proto", OTHER)])] {
        let set = read(&descriptors);
        assert!(set.activities().is_empty() && set.descriptors().is_empty());
        assert_eq!(set.find("md5").map(activity::Activity::code), None);
    }
}

#[test]
fn comments_and_unrelated_definitions_do_not_change_the_revision() {
    let revision = |executor: Executor<'_>| read(&executor.descriptors()).revision();
    let same = revision(GOOD);
    assert_eq!(
        revision(Executor {
            request: "/* what it takes */ string text = 1;",
            ..GOOD
        }),
        same
    );
    assert_eq!(
        revision(Executor {
            more: "message Unrelated { string text = 1; }",
            ..GOOD
        }),
        same
    );
}

#[test]
fn whatever_the_portal_or_the_executor_is_told_changes_the_revision() {
    let activity = GOOD.activity;
    let changed = |more: &str| format!("{activity} {more}");
    let activities = [
        changed("robot_code: \"robot\""),
        changed("name: { key: \"ru\" value: \"Сделай\" }"),
        changed("description: { key: \"en\" value: \"Does\" }"),
        changed("wait: WAIT_DESIGNER"),
        changed("attempt_timeout: { seconds: 1 }"),
        changed("on_failure: ON_FAILURE_PARK"),
        changed("error_output: {}"),
        changed("filter: { include: { distribution: \"box\" } }"),
        changed("document_type: { entity: \"E\" type: \"T\" }"),
    ];
    let mut executors = vec![GOOD];
    executors.extend(activities.iter().map(|activity| Executor { activity, ..GOOD }));
    for request in [
        "string text = 2;",
        "optional string text = 1;",
        "repeated string text = 1;",
        "string words = 1;",
        "string words = 1 [(bizproc.v1.property) = { key: \"text\" name: { key: \"en\" value: \"Words\" } }];",
        "string text = 1 [(bizproc.v1.property) = { sensitive: true }];",
        "string text = 1 [(bizproc.v1.property) = { required: true }];",
        "string text = 1 [(bizproc.v1.property) = { type: \"text\" }];",
        "optional int32 text = 1;",
        "optional sint32 text = 1;",
        "string text = 1; string more = 2;",
        "string more = 2; string text = 1;",
    ] {
        executors.push(Executor { request, ..GOOD });
    }
    executors.push(Executor {
        response: "optional string result = 1;",
        ..GOOD
    });
    let kinds = [
        "KIND_A = 1;",
        "KIND_A = 2;",
        "KIND_A = 1 [(bizproc.v1.option) = { title: \"A!\" }];",
        "KIND_A = 1; KIND_B = 2;",
        "KIND_B = 2; KIND_A = 1;",
    ];
    let kinds = kinds.map(|values| format!("enum Kind {{ KIND_UNSPECIFIED = 0; {values} }}"));
    executors.extend(kinds.iter().map(|more| Executor {
        request: "Kind text = 1;",
        more,
        ..GOOD
    }));
    let mut revisions: Vec<_> = executors
        .iter()
        .map(|executor| (read(&executor.descriptors()).revision(), executor.source()))
        .collect();
    revisions.sort();
    for pair in revisions.windows(2) {
        assert_ne!(pair[0].0, pair[1].0, "{}\n{}", pair[0].1, pair[1].1);
    }
}

#[test]
fn codes_are_restricted_by_patterns() {
    let set = read(proto::DESCRIPTORS);
    let patterns = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| text.parse::<CodePattern>().unwrap())
            .collect::<Vec<_>>()
    };
    for allowed in [&["*"][..], &["md5", "digest*"], &["md5", "digest", "digest_robot"]] {
        assert_eq!(set.restrict(&patterns(allowed)), Ok(()), "{allowed:?}");
    }
    let problems = set.restrict(&patterns(&["md5", "digest"])).unwrap_err().to_string();
    assert!(
        problems.starts_with("hasher/v1/hasher.proto: hasher.v1.Hasher.Digest: claims the code \"digest_robot\""),
        "{problems}"
    );
    assert_eq!(set.restrict(&[]).unwrap_err().iter().len(), 3);
}

#[test]
fn files_that_everybody_has_may_be_missing() {
    let all = split(&GOOD.descriptors());
    let whole = read(&join(&all));
    let own: Vec<_> = all.iter().filter(|(name, _)| name == FILE).cloned().collect();
    assert_eq!(own.len(), 1);
    assert_eq!(read(&join(&own)).revision(), whole.revision());
}

#[test]
fn an_executors_own_copy_of_the_annotations_may_be_older_newer_and_anywhere() {
    let source = GOOD
        .source()
        .replace("bizproc/v1/annotations.proto", "vendor/annotations.proto");
    // A copy under another path, in which the field `name` is unknown and another one new.
    let copy = r#"syntax = "proto3"; package bizproc.v1; import "google/protobuf/descriptor.proto";
        extend google.protobuf.MethodOptions { Activity activity = 50771; }
        message Activity { string code = 1; string colour = 99; repeated Entry name = 3; }
        message Entry { string key = 1; string value = 2; }"#;
    let source = source.replace("code: \"do\"", "code: \"do\" colour: \"red\"");
    let set = read(&compile(&[(FILE, &source), ("vendor/annotations.proto", copy)]));
    assert_eq!(set.revision(), read(&GOOD.descriptors()).revision());
}

#[test]
fn options_that_use_our_numbers_otherwise_are_refused() {
    let other = r#"syntax = "proto3"; package other; import "google/protobuf/descriptor.proto";
        extend google.protobuf.MethodOptions { int32 cost = 50771; }
        service Other { rpc Get(Empty) returns (Empty) { option (other.cost) = 5; } }
        message Empty {}"#;
    let problems = refused(&compile(&[("other.proto", other)]), &Limits::default());
    assert!(
        problems.starts_with("other.proto: other.Other.Get: option 50771 is not bizproc.v1.activity"),
        "{problems}"
    );
}

#[test]
fn a_set_is_bounded() {
    let descriptors = compile(&[(FILE, &GOOD.source()), ("other.proto", OTHER)]);
    let limits = Limits::default();
    for (limits, text) in [
        (
            Limits {
                bytes: descriptors.len() - 1,
                ..limits.clone()
            },
            "bytes, the limit is",
        ),
        (
            Limits {
                files: 4,
                ..limits.clone()
            },
            "more than 4 files",
        ),
        (
            Limits {
                methods: 0,
                ..limits.clone()
            },
            "more than 0 methods",
        ),
        (Limits { fields: 0, ..limits }, "more than 0 fields"),
    ] {
        let problems = refused(&descriptors, &limits);
        assert!(problems.contains(text), "{problems}");
    }
    let exact = Limits {
        bytes: descriptors.len(),
        files: 5,
        methods: 1,
        fields: 1,
        ..Limits::default()
    };
    assert_eq!(Set::read(&descriptors, &exact).map(|set| set.activities().len()), Ok(1));
}

/// A file descriptor with one annotated method, and imports of which the marked ones are public.
fn importing(name: &str, imports: &[(&str, bool)]) -> Vec<u8> {
    let mut file = split(&GOOD.descriptors()).pop().unwrap().1;
    let header = prost_types::FileDescriptorProto {
        name: Some(name.to_owned()),
        dependency: imports.iter().map(|(import, _)| (*import).to_owned()).collect(),
        // Our annotations are the first import.
        public_dependency: (1..)
            .zip(imports)
            .filter(|(_, (_, public))| *public)
            .map(|(index, _)| index)
            .collect(),
        ..Default::default()
    };
    file.extend(header.encode_to_vec());
    file
}

#[test]
fn damaged_sets_are_refused() {
    let file = |name: &str, imports: &[(&str, bool)]| (name.to_owned(), importing(name, imports));
    let good = GOOD.descriptors();
    let names: Vec<_> = (0..40).map(|index| format!("{index:02}.proto")).collect();
    let ladder: Vec<_> = (0..40)
        .map(|index| {
            file(
                &names[index],
                &names[..index].iter().map(|name| (&**name, true)).collect::<Vec<_>>(),
            )
        })
        .collect();
    for (set, text) in [
        (
            b"syntax = \"proto3\";".to_vec(),
            "no encoded google.protobuf.FileDescriptorSet",
        ),
        (
            good[..good.len() - 5].to_vec(),
            "no encoded google.protobuf.FileDescriptorSet",
        ),
        (vec![0x0a, 0x00], "file without a name"),
        (
            join(&[file("a.proto", &[("gone.proto", false)])]),
            "a.proto: imports gone.proto, which is not in the descriptor set",
        ),
        (
            join(&[file("a.proto", &[("google/protobuf/gone.proto", false)])]),
            "imports google/protobuf/gone.proto, which is not",
        ),
        (
            join(&[file("a.proto", &[("a.proto", true)])]),
            "a.proto: imports a.proto, which imports it in turn",
        ),
        (
            join(&[
                file("a.proto", &[("b.proto", true)]),
                file("b.proto", &[("a.proto", true)]),
            ]),
            "which imports it in turn",
        ),
        (
            join(&[file("a.proto", &[]), file("a.proto", &[("b.proto", false)])]),
            "a.proto: is in the descriptor set twice",
        ),
        (
            join(&[file(
                "a.proto",
                &[
                    ("google/protobuf/any.proto", false),
                    ("google/protobuf/any.proto", false),
                ],
            )]),
            "imports google/protobuf/any.proto twice",
        ),
        (
            join(&[file("a.proto", &[]), file("b.proto", &[])]),
            "don't fit together",
        ),
        (join(&ladder), "too many public imports"),
    ] {
        let problems = refused(&set, &Limits::default());
        assert!(problems.contains(text), "{text:?} is not in: {problems}");
    }
}

#[test]
fn a_set_that_would_take_much_more_memory_than_its_size_is_refused() {
    let mut file = split(&GOOD.descriptors()).pop().unwrap().1;
    file.extend([0x22, 0x00].repeat(70_000));
    let problems = refused(&join(&[(FILE.to_owned(), file.clone())]), &Limits::default());
    assert!(problems.contains("define too much"), "{problems}");

    let mut nested = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0x1a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(&nested);
        nested = outer;
    }
    nested[0] = 0x22;
    file.truncate(file.len() - 140_000);
    file.extend(nested);
    let problems = refused(&join(&[(FILE.to_owned(), file)]), &Limits::default());
    assert!(problems.contains("nested too deeply"), "{problems}");
}
