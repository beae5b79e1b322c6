//! An executor's descriptors, compiled at test time.

use activity::{Activity, Limits, Set};
use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

/// Path of the file that [`Executor`] writes.
pub(crate) const FILE: &str = "acme/v1/acme.proto";
/// Full name of the method that it declares.
pub(crate) const METHOD: &str = "acme.v1.Acme.Do";

const ANNOTATIONS: &str = "bizproc/v1/annotations.proto";

/// A file with one annotated method, in parts.
#[derive(Clone, Copy)]
pub(crate) struct Executor<'a> {
    pub(crate) syntax: &'a str,
    /// Fields of the `bizproc.v1.activity` option.
    pub(crate) activity: &'a str,
    pub(crate) request: &'a str,
    pub(crate) response: &'a str,
    /// Other definitions of the file.
    pub(crate) more: &'a str,
    /// What comes before the types of request and response: `("stream ", "")`.
    pub(crate) streams: (&'a str, &'a str),
}

/// A good executor.
pub(crate) const GOOD: Executor<'_> = Executor {
    syntax: "proto3",
    activity: r#"code: "do" name: { key: "en" value: "Do" }"#,
    request: "string text = 1;",
    response: "string result = 1;",
    more: "",
    streams: ("", ""),
};

impl Executor<'_> {
    pub(crate) fn descriptors(&self) -> Vec<u8> {
        compile(&[(FILE, &self.source())])
    }

    pub(crate) fn source(&self) -> String {
        let Self {
            syntax,
            activity,
            request,
            response,
            more,
            streams: (asks, answers),
        } = self;
        format!(
            r#"syntax = "{syntax}";
            package acme.v1;
            import "{ANNOTATIONS}";
            service Acme {{
              rpc Do({asks}DoRequest) returns ({answers}DoResponse) {{ option (bizproc.v1.activity) = {{ {activity} }}; }}
            }}
            message DoRequest {{ {request} }}
            message DoResponse {{ {response} }}
            {more}"#
        )
    }

    /// The activity `do`.
    pub(crate) fn activity(&self) -> Activity {
        let set = Set::read(&self.descriptors(), &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"));
        set.find("do").expect("the code of the good executor").clone()
    }

    /// The problems, one a line.
    pub(crate) fn problems(&self) -> String {
        Set::read(&self.descriptors(), &Limits::default())
            .expect_err("it has a problem")
            .to_string()
    }
}

/// Compiles files and what they import into a descriptor set.
pub(crate) fn compile(files: &[(&str, &str)]) -> Vec<u8> {
    let mut resolver = ChainFileResolver::new();
    let mut sources: Vec<_> = files
        .iter()
        .map(|&(name, source)| (name.to_owned(), source.to_owned()))
        .collect();
    sources.push((
        ANNOTATIONS.to_owned(),
        include_str!("../../../../proto/bizproc/v1/annotations.proto").to_owned(),
    ));
    resolver.add(Sources(sources));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    for (name, _) in files {
        compiler.open_file(name).unwrap_or_else(|error| panic!("{error:?}"));
    }
    compiler.encode_file_descriptor_set()
}

struct Sources(Vec<(String, String)>);

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(file, _)| file == name);
        found.map_or_else(
            || Err(protox::Error::file_not_found(name)),
            |(name, source)| File::from_source(name, source),
        )
    }
}

/// A portal whose culture is not configured.
pub(crate) fn culture() -> activity::Culture {
    activity::Culture::unset("portals.mine")
}
