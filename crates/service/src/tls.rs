//! The TLS provider of the process.

/// Makes ring the TLS provider of the process, unless one is installed already. Clients that choose no provider by
/// themselves need it; [`main`](crate::main), [`grpc::channel`](crate::grpc::channel) and
/// [`Telemetry`](crate::Telemetry) call it.
pub fn install_provider() {
    // An error means that another caller was first, which is as good.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
}
