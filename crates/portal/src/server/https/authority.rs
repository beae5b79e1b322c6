//! A certification authority that lives as long as the emulator: its key is never written anywhere.

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

const DAY: i64 = 24 * 3600;
/// Longer than any test run, shorter than what strict clients refuse (398 days).
const VALID_DAYS: i64 = 365;

/// Signs a certificate for each host that is asked for.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// One key for all hosts; only the certificates differ.
    key: KeyPair,
    now: i64,
    hosts: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new key and its certificate, valid from the day before `now` (unix seconds) for a year.
    pub(crate) fn new(now: i64) -> Result<Self, rcgen::Error> {
        let mut params = valid_around(CertificateParams::new(Vec::new())?, now);
        params.distinguished_name.push(DnType::CommonName, "Emulated Bitrix24");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
            key: KeyPair::generate()?,
            now,
            hosts: Mutex::default(),
        })
    }

    /// The certificate for trust stores.
    pub(crate) fn pem(&self) -> String {
        let body = data_encoding::BASE64.encode(self.issuer.der());
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in body.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem + "-----END CERTIFICATE-----\n"
    }

    /// What a server needs to speak for a host.
    pub(crate) fn server(&self, host: &str) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(config) = self.hosts.lock().get(host) {
            return Ok(config.clone());
        }
        let mut params = valid_around(CertificateParams::new(vec![host.to_owned()])?, self.now);
        params.distinguished_name.push(DnType::CommonName, host);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&self.key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        self.hosts.lock().insert(host.to_owned(), config.clone());
        Ok(config)
    }
}

fn valid_around(mut params: CertificateParams, now: i64) -> CertificateParams {
    let day = |seconds: i64| {
        let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = timestamp.to_zoned_datetime(TimeZone::UTC).date();
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(now - DAY);
    params.not_after = day(now + VALID_DAYS * DAY);
    params
}
