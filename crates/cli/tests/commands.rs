//! `bizproc` on the command line: what a person's input gives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Runs it with this on standard input; what it prints, on both outputs.
fn bizproc(arguments: &[&str], input: &[u8]) -> (bool, String, String) {
    ended(start(arguments), input)
}

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_bizproc"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ended(mut running: Child, input: &[u8]) -> (bool, String, String) {
    running.stdin.take().unwrap().write_all(input).unwrap();
    let ended = running.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ended.status.success(), text(ended.stdout), text(ended.stderr))
}

/// `check` of the one method of a service.
fn check(method: &str, messages: &str) -> String {
    let source = format!(
        "syntax = \"proto3\"; package x.v1; import \"bizproc/v1/annotations.proto\";\n\
         service S {{ rpc M(Req) returns (Res) {{ option (bizproc.v1.activity) = {{{method}}}; }} }}\n{messages}"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.proto"), source).unwrap();
    let contracts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = protox::Compiler::new([folder.path().to_owned(), contracts]).unwrap();
    compiler.include_imports(true).open_file("x.proto").unwrap();
    let descriptors = folder.path().join("x.bin");
    std::fs::write(&descriptors, compiler.encode_file_descriptor_set()).unwrap();
    let (works, printed, problem) = bizproc(&["check", "--descriptors", descriptors.to_str().unwrap()], b"");
    assert!(works, "{problem}");
    printed
}

const PING: &str = r#"code: "ping" name: [{key: "en" value: "Ping"}]"#;

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut running = start(&["decode"]);
    drop(running.stdout.take());
    assert_eq!(ended(running, b"a=1"), (true, String::new(), String::new()));
}

#[test]
fn check_shows_a_method_without_inputs() {
    let printed = check(PING, "message Req {} message Res { string pong = 1; }");
    assert!(
        printed.starts_with("Activity ping = /x.v1.S/M\n  -> pong: string\n"),
        "{printed}"
    );
}

#[test]
fn check_shows_a_method_without_outputs() {
    let printed = check(PING, "message Req { string text = 1; } message Res {}");
    assert!(
        printed.starts_with("Activity ping = /x.v1.S/M\n  <- text: string\n1 "),
        "{printed}"
    );
}

#[test]
fn decode_masks_secrets_by_their_names_wherever_they_are() {
    for body in [
        "event=ONAPPUSERREADY&data[AUTH][access_token]=hush1&data[AUTH][REFRESH_TOKEN]=hush2&ts=1&auth[member_id]=m",
        "event=ONAPPMETHODCONFIRM&data[TOKEN]=hush1&data[METHOD]=user.add&ts=1&auth[member_id]=m",
        "event=ONIMBOTMESSAGEADD&data[BOT][7][access_token]=hush1&data[BOT][7][AUTH][Application_Token]=hush2&auth[member_id]=m",
        "event_token=hush1&workflow_id=w&code=c&properties[nested][Token]=hush2&auth[access_token]=hush3&auth[member_id]=m",
    ] {
        let (works, printed, problem) = bizproc(&["decode", "--typed"], body.as_bytes());
        assert!(works, "{problem}");
        assert!(printed.contains("[secret]") && !printed.contains("hush"), "{printed}");
    }
}

#[test]
fn decode_says_what_a_message_for_an_sms_provider_is() {
    let body = "module_id=bizproc&workflow_id=6b0000000000a1.00000001&properties[message_text]=hi&type=SMS&code=example\
                &message_id=72dd&message_to=%2B10000000000&message_body=hi&ts=1790000000&auth[member_id]=m";
    let (works, _, problem) = bizproc(&["decode", "--typed"], body.as_bytes());
    assert!(!works);
    assert!(problem.contains("a message for an SMS provider"), "{problem}");
}
