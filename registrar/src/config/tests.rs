use super::*;

const REQUIRED: [(&str, &str); 5] = [
    ("REGISTRAR__PUBLIC_URL", "https://bizproc.example.com/"),
    ("REGISTRAR__SERVICE_TOKEN", "service"),
    ("REGISTRAR__OPERATOR_TOKEN", "operator"),
    ("REGISTRAR__APPS__DEMO__CLIENT_ID", "local.1"),
    ("REGISTRAR__APPS__DEMO__CLIENT_SECRET", "secret"),
];

fn parse(toml: &str, without: &str) -> Result<Config, ConfigError> {
    service::config::parse(toml, REQUIRED.into_iter().filter(|(name, _)| *name != without))
}

#[test]
fn the_printed_default_is_the_default() {
    let config = parse(Config::DEFAULT_TOML, "").unwrap();
    let expected = Config {
        public_url: config.public_url.clone(),
        service_token: config.service_token.clone(),
        operator_token: config.operator_token.clone(),
        apps: config.apps.clone(),
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert_eq!(
        config.public_url.unwrap().activity_handler("demo", "00ff"),
        "https://bizproc.example.com/bitrix/demo/activity/00ff"
    );
}

#[test]
fn the_examples_in_the_default_can_be_used() {
    let examples = Config::DEFAULT_TOML.lines().map(|line| {
        let text = line.strip_prefix("# ").unwrap_or(line);
        let setting = text.starts_with('[') || text.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        // Files and keys that only a deployment has.
        let deployed = ["key =", "url =", "[registrar.tls]", "cert_file =", "key_file ="];
        if setting && !deployed.iter().any(|start| text.starts_with(start)) {
            text
        } else {
            line
        }
    });
    let config = parse(&examples.collect::<Vec<_>>().join("\n"), "").unwrap();
    assert_eq!(config.executors["hasher"].codes.len(), 2);
    assert_eq!(config.executors["hasher"].descriptors, Descriptors::Reflection);
    let demo = &config.apps["demo"];
    assert!(demo.has("hasher"));
    let dates = demo.dates("a223c6b3710f85df22e9377d6c4f7553");
    assert_eq!(dates, ("DD.MM.YYYY HH:MI:SS".to_owned(), "Europe/Moscow".to_owned()));
    assert_eq!(demo.dates("another"), Default::default());
}

#[test]
fn what_is_required_is_named_with_its_variable() {
    for (variable, _) in REQUIRED {
        let error = parse("", variable).unwrap_err().to_string();
        let key = variable.split("__").last().unwrap().to_lowercase();
        assert!(error.contains(&key), "{variable}: {error}");
    }
}

#[test]
fn wrong_values_are_told_with_their_key() {
    for (toml, part) in [
        ("public_url = 'https://localhost'", "registrar.public_url"),
        ("public_url = 'ftp://a.b'", "registrar.public_url"),
        ("questions.per_minute = 9", "registrar.questions.per_minute"),
        ("private_portals = ['10.0.0']", "10.0.0"),
        ("oauth_hosts = []", "nobody could be believed"),
        ("oauth_hosts = ['https://a.b/rest/']", "registrar.oauth_hosts"),
        ("reconcile_interval = '10'", "registrar.reconcile_interval"),
        ("reconcile_interval = '0s'", "too short"),
        ("store.key = 'abc'", "64 hex digits"),
        ("colour = 'red'", "no such key"),
        ("apps.Demo.client_id = 'x'", "no name of an app"),
        (
            "apps.other = { client_id = 'local.1', client_secret = 'x' }",
            "registrar.apps.other.client_id",
        ),
        ("apps.demo.executors = ['x']", "no `[registrar.executors.x]`"),
        (
            "apps.demo.portals.m = { culture = 'DD.MM.YYYY', time_zone = 'UTC' }",
            "registrar.apps.demo.portals.m.culture",
        ),
        (
            "apps.demo.portals.m = { culture = 'DD.MM.YYYY HH:MI', time_zone = 'Moscow' }",
            "`Moscow` is no time zone",
        ),
        ("apps.demo.portals.m = { time_zone = 'UTC' }", "culture"),
        ("apps.demo.portals.m = { culture = 'DD.MM.YYYY HH:MI' }", "time_zone"),
        ("executors.x.uri = 'host:1'", "registrar.executors.x.uri"),
        ("executors.x.uri = 'http://host:1/path'", "registrar.executors.x.uri"),
        (
            "executors.x = { uri = 'http://host:1', codes = ['a b'] }",
            "code pattern",
        ),
    ] {
        let without = if toml.starts_with("public_url") {
            "REGISTRAR__PUBLIC_URL"
        } else {
            ""
        };
        let error = parse(&format!("[registrar]\n{toml}"), without).unwrap_err().to_string();
        assert!(error.contains(part), "{toml}: {error}");
    }
}

#[test]
fn a_portals_dates_can_be_told_by_environment() {
    let portal = [
        (
            "REGISTRAR__APPS__DEMO__PORTALS__A223C6B3__CULTURE",
            "MM/DD/YYYY H:MI:SS T",
        ),
        (
            "REGISTRAR__APPS__DEMO__PORTALS__A223C6B3__TIME_ZONE",
            "America/New_York",
        ),
    ];
    let config: Config = service::config::parse("", REQUIRED.into_iter().chain(portal)).unwrap();
    let dates = config.apps["demo"].dates("a223c6b3");
    assert_eq!(
        dates,
        ("MM/DD/YYYY H:MI:SS T".to_owned(), "America/New_York".to_owned())
    );
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?}", parse("", "").unwrap());
    assert!(
        !shown.contains("\"secret\"") && !shown.contains("operator\""),
        "{shown}"
    );
}
