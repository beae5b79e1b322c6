/// Bounds of what is read from an executor and of what is sent to a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of a descriptor set, in bytes. Default: 4 MiB.
    pub bytes: usize,
    /// Files in a descriptor set. Default: 1,000.
    pub files: usize,
    /// Annotated methods in a descriptor set. Default: 200.
    pub methods: usize,
    /// Fields of a request or response, and values of an enum. Default: 200.
    pub fields: usize,
    /// Size of the values of one answer, in bytes. Default: 1 MiB.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            files: 1_000,
            methods: 200,
            fields: 200,
            answer_bytes: 1 << 20,
        }
    }
}
