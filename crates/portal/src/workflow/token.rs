//! Event tokens: `workflow|activity|event.signature`.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::{random, state::Portal};

fn mac(portal: &Portal, value: &str) -> Hmac<Sha256> {
    // The signer's salt, the option `signer_default_key` and the kernel's `crypto_key` in one string; verified on the
    // server's own tokens.
    let key = format!(
        "bizproc{}{}",
        portal.settings.signer_default_key, portal.settings.crypto_key
    );
    Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .expect("HMAC takes keys of any length")
        .chain_update(value)
}

/// Signs the three parts.
pub fn sign(portal: &Portal, value: &str) -> String {
    format!(
        "{value}.{}",
        random::to_hex(&mac(portal, value).finalize().into_bytes())
    )
}

/// Checks a signature and gives the part before it. The signature is compared after hex decoding, so its case is free.
pub fn verify<'a>(portal: &Portal, token: Option<&'a Value>) -> Option<&'a str> {
    let token = token?.as_str()?;
    let (value, signature) = token.rsplit_once('.')?;
    if portal.seeded_tokens.contains(token) {
        return Some(value);
    }
    let signature = from_hex(signature)?;
    mac(portal, value).verify_slice(&signature).ok()?;
    Some(value)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

/// The parts of a signed value; more than three are ignored, missing ones are absent.
pub fn parts(value: &str) -> (&str, Option<&str>, Option<&str>) {
    let mut parts = value.split('|');
    (parts.next().unwrap_or_default(), parts.next(), parts.next())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_token_of_the_running_server_verifies() {
        let portal = Portal::new(
            "m",
            "127.0.0.1:1",
            "http://127.0.0.1:2/rest/",
            Clock::frozen(1_764_000_000),
        );
        let token = "6b0643a0000001.10000001|A1_1001|t2fTQB5BxizU5gFQegO7JCr32EfH7Xue\
                     .8bf047051f2b6340515be82169d8645b6dcfd71ffe44548f5927d06128e3259c";
        let value = token.rsplit_once('.').unwrap().0;
        assert_eq!(verify(&portal, Some(&json!(token))), Some(value));
        assert_eq!(sign(&portal, value), token);
        assert_eq!(verify(&portal, Some(&json!(format!("{token} ")))), None);
        assert_eq!(verify(&portal, Some(&json!([token]))), None);
    }
}
