use std::{collections::BTreeMap, fs};

use serde::Deserialize;

use super::*;
use crate::{Listen, Secret};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Registrar {
    public_url: Option<String>,
    grpc: Option<Grpc>,
    limit: Option<u32>,
    ratio: Option<f64>,
    eager: bool,
    oauth_hosts: Vec<String>,
    #[serde(with = "duration")]
    interval: Duration,
    token: Option<Secret>,
    apps: BTreeMap<String, App>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grpc {
    listen: Listen,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    client_id: String,
    client_secret: Secret,
}

impl Configuration for Registrar {
    const SECTION: &'static str = "registrar";
    const DEFAULT_TOML: &'static str = "";

    fn check(&self) -> Result<(), ConfigError> {
        match &self.public_url {
            Some(url) if url.is_empty() => Err(ConfigError::missing("registrar.public_url", false)),
            _ => Ok(()),
        }
    }
}

fn read(toml: &str, variables: &[(&str, &str)]) -> Result<Registrar, String> {
    parse(toml, variables.iter().copied()).map_err(|error| error.to_string())
}

fn fail(toml: &str, variables: &[(&str, &str)]) -> String {
    read(toml, variables).unwrap_err()
}

#[test]
fn the_environment_alone_is_enough() {
    let config = read(
        "",
        &[
            ("REGISTRAR__PUBLIC_URL", "https://gw.example"),
            ("REGISTRAR__GRPC__LISTEN", ":50052"),
            ("REGISTRAR__LIMIT", "12"),
            ("REGISTRAR__RATIO", "0.5"),
            ("REGISTRAR__EAGER", "true"),
            (
                "REGISTRAR__OAUTH_HOSTS",
                r#"["oauth.bitrix.info", "oauth.bitrix24.tech"]"#,
            ),
            ("REGISTRAR__INTERVAL", "10m"),
            ("REGISTRAR__APPS__DEMO__CLIENT_ID", "local.1"),
            ("REGISTRAR__APPS__DEMO__CLIENT_SECRET", "0123"),
            ("REGISTRAR__TOKEN", ""),
            ("REGISTRAR_PORT", "tcp://10.0.0.1:50052"),
            ("GATEWAY__HTTP__LISTEN", "not ours"),
        ],
    )
    .unwrap();
    assert_eq!(config.public_url.unwrap(), "https://gw.example");
    assert_eq!(config.grpc.unwrap().listen, Listen::port(50052));
    assert_eq!((config.limit, config.ratio, config.eager), (Some(12), Some(0.5), true));
    assert_eq!(config.oauth_hosts, ["oauth.bitrix.info", "oauth.bitrix24.tech"]);
    assert_eq!(config.interval, Duration::from_mins(10));
    assert!(config.token.is_none(), "an empty variable counts as unset");
    assert_eq!(config.apps["demo"].client_id, "local.1");
    // Digits stay as they were written.
    assert_eq!(config.apps["demo"].client_secret.expose(), "0123");
}

#[test]
fn the_environment_overrides_the_file() {
    let file = r#"
        [registrar]
        limit = 1
        [registrar.apps.my-app]
        client_id = "file"
        client_secret = "file"
        [gateway]
        http.listen = ":1"
    "#;
    let config = read(
        file,
        &[
            ("REGISTRAR__LIMIT", "2"),
            ("Registrar__Apps__My_App__Client_Id", "environment"),
        ],
    )
    .unwrap();
    assert_eq!(config.limit, Some(2));
    assert_eq!(config.apps.len(), 1);
    assert_eq!(config.apps["my-app"].client_id, "environment");
    assert_eq!(config.apps["my-app"].client_secret.expose(), "file");
}

#[test]
fn a_text_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (one, two, empty) = (path("one", "s3cret\n"), path("two", "line\n\n"), path("empty", "\n"));

    let config = read(&format!("registrar.token_file = '{one}'"), &[]).unwrap();
    assert_eq!(config.token.unwrap().expose(), "s3cret");
    // Exactly one line feed is cut.
    assert_eq!(
        read("", &[("REGISTRAR__TOKEN_FILE", &two)])
            .unwrap()
            .token
            .unwrap()
            .expose(),
        "line\n"
    );
    // What the environment says wins in either form.
    let both = [("REGISTRAR__TOKEN_FILE", one.as_str())];
    assert_eq!(
        read("registrar.token = 'file'", &both).unwrap().token.unwrap().expose(),
        "s3cret"
    );
    let value = [("REGISTRAR__TOKEN", "value")];
    assert_eq!(
        read("registrar.token_file = '/nowhere'", &value)
            .unwrap()
            .token
            .unwrap()
            .expose(),
        "value"
    );
    let apps = [
        ("REGISTRAR__APPS__DEMO__CLIENT_ID", "x"),
        ("REGISTRAR__APPS__DEMO__CLIENT_SECRET_FILE", one.as_str()),
    ];
    assert_eq!(read("", &apps).unwrap().apps["demo"].client_secret.expose(), "s3cret");

    assert_eq!(
        fail("", &[("REGISTRAR__TOKEN_FILE", &empty)]),
        format!("configuration: `registrar.token_file` (environment variable REGISTRAR__TOKEN_FILE): {empty} is empty")
    );
    let missing = fail("registrar.token_file = '/nowhere'", &[]);
    assert!(
        missing.contains("`registrar.token_file`") && missing.contains("cannot read /nowhere: "),
        "{missing}"
    );
    let twice = fail(&format!("registrar.token = 'x'\nregistrar.token_file = '{one}'"), &[]);
    assert!(
        twice.ends_with("`registrar.token` is set in the file, too: keep one of them"),
        "{twice}"
    );
    assert!(!twice.contains("s3cret"));
}

#[test]
fn an_error_names_the_key_and_its_origin() {
    for (toml, variables, problem) in [
        (
            "registrar.limt = 1",
            &[][..],
            "`registrar.limt` (the configuration): no such key: `limt`, expected one of",
        ),
        (
            "",
            &[("REGISTRAR__GRPC__LISTN", ":1")],
            "`registrar.grpc.listn` (environment variable REGISTRAR__GRPC__LISTN): no such key: `listn`, expected `listen`",
        ),
        (
            "registrar.limit = 'many'",
            &[],
            "`registrar.limit` (the configuration): ",
        ),
        (
            "",
            &[("REGISTRAR__LIMIT", "many")],
            "`registrar.limit` (environment variable REGISTRAR__LIMIT): string \"many\" is not an integer",
        ),
        (
            "",
            &[("REGISTRAR__LIMIT", "-1")],
            "`registrar.limit` (environment variable REGISTRAR__LIMIT): ",
        ),
        (
            "",
            &[("REGISTRAR__EAGER", "maybe")],
            "`registrar.eager` (environment variable REGISTRAR__EAGER): ",
        ),
        (
            "",
            &[("REGISTRAR__GRPC__LISTEN", "8080")],
            "`registrar.grpc.listen` (environment variable REGISTRAR__GRPC__LISTEN): `8080` is no address to listen on",
        ),
        (
            "registrar.interval = '5'",
            &[],
            "`registrar.interval` (the configuration): `5` is no duration: write",
        ),
        (
            "registrar.grpc = 5",
            &[],
            "`registrar.grpc` (the configuration): must be a table of keys",
        ),
        (
            "registrar.oauth_hosts = ['a', ['b']]",
            &[],
            "`registrar.oauth_hosts[1]` (the configuration): ",
        ),
        (
            "registrar.apps.demo.client_id = 'x'",
            &[],
            "`registrar.apps.demo.client_secret`: is required: set it in the file or as REGISTRAR__APPS__DEMO__CLIENT_SECRET, or",
        ),
        (
            "registrar.token = ''",
            &[],
            "`registrar.token` (the configuration): a secret must not be empty",
        ),
        (
            "registrr.limit = 1",
            &[],
            "`registrr` (the configuration): no such table: [gateway], [registrar], [hasher] exist",
        ),
        ("registrar = 5", &[], "`registrar` (the configuration): "),
        (
            "registrar.limit = ",
            &[],
            "the configuration: TOML parse error at line 1, column 19: string values must be quoted",
        ),
        (
            "registrar.public_url = ''",
            &[],
            "`registrar.public_url`: is required: set it in the file or as REGISTRAR__PUBLIC_URL",
        ),
        (
            "",
            &[("REGISTRAR____X", "1")],
            "`REGISTRAR____X`: a part of the variable's name is empty",
        ),
    ] {
        let error = fail(toml, variables);
        assert!(
            error.starts_with(&format!("configuration: {problem}")),
            "{toml} {variables:?}\n{error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn an_error_shows_no_secret() {
    let error = fail(
        "registrar.apps.demo = { client_id = ['x'], client_secret = 'hunter2' }",
        &[],
    );
    assert!(!error.contains("hunter2"), "{error}");
    let error = fail("", &[("REGISTRAR__APPS__DEMO", "hunter2")]);
    assert!(
        error.contains("REGISTRAR__APPS__DEMO") && !error.contains("hunter2"),
        "{error}"
    );
    let error = fail("registrar.token = hunter2", &[]);
    assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_missing_secret_tells_all_ways_to_give_it() {
    assert_eq!(
        ConfigError::missing("registrar.apps.my-app.client_secret", true).to_string(),
        "configuration: `registrar.apps.my-app.client_secret`: is required: set it in the file or as \
         REGISTRAR__APPS__MY_APP__CLIENT_SECRET, or a file's path as `registrar.apps.my-app.client_secret_file` or \
         REGISTRAR__APPS__MY_APP__CLIENT_SECRET_FILE"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load::<Registrar>(Some(Path::new("/nowhere.toml")))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("configuration: cannot read /nowhere.toml: "),
        "{error}"
    );
}
