//! Any body and query are classified or refused, and no secret is printed. An input is a query, a line feed and a body.
#![no_main]

use bitrix::form::Limits;
use bitrix::post::{Post, classify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
        return;
    };
    let (query, body) = (str::from_utf8(&input[..end]).ok(), &input[end + 1..]);
    match classify(body, query, &Limits::default()) {
        Ok(Post::Callback(callback)) => {
            let token = &callback.event_token;
            assert!(token.expose().starts_with(token.unsigned()));
            let _ = (
                token.dedup_digest(),
                token.workflow_id(),
                token.activity_name(),
                token.event_id(),
            );
            assert!(format!("{callback:?}").contains("[secret]"));
        }
        Ok(Post::Event(event)) => assert!(!event.event.is_empty()),
        Ok(Post::Frame(frame)) => drop(format!("{frame:?}")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
