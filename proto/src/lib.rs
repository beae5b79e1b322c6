//! The contracts: messages and gRPC services generated from the `.proto` files beside this crate.
#![expect(clippy::pedantic, clippy::allow_attributes, missing_docs, reason = "generated code")]

/// The annotations that turn a method into an activity.
pub mod bizproc {
    pub mod v1 {
        tonic::include_proto!("bizproc.v1");
    }
}

/// The jobs of a gateway.
pub mod gateway {
    pub mod v1 {
        tonic::include_proto!("gateway.v1");
    }
}

/// The reference executor.
pub mod hasher {
    pub mod v1 {
        tonic::include_proto!("hasher.v1");
    }
}

/// The control plane.
pub mod registrar {
    pub mod v1 {
        tonic::include_proto!("registrar.v1");
    }
}

/// Descriptors of all contracts and what they import, as an encoded `google.protobuf.FileDescriptorSet` with the
/// annotations kept: for server reflection and for reading our own definitions.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
