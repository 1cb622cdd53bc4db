use super::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Write as _;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    redis: Redis,
    gateway: Gateway,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Redis {
    urls: Vec<String>,
    password: Secret,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Gateway {
    bind: String,
    page_max: u32,
    rows_max: Option<u32>,
    key: Option<Secret>,
    tokens: Vec<Token>,
    properties: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    name: String,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            urls: vec!["redis://127.0.0.1:6379".to_owned()],
            password: Secret::default(),
        }
    }
}

impl Config for Sample {
    fn validate(&self, problems: &mut Problems) {
        problems.require(
            self.gateway.page_max < 1_000,
            "gateway.page_max",
            "must be below 1000; lower it",
        );
    }
}

fn load_sample(file: &str, variables: &[(&str, &str)]) -> Result<Loaded<Sample>, Error> {
    let mut path = tempfile::NamedTempFile::new().expect("a temporary file");
    path.write_all(file.as_bytes()).expect("is written");
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_from(Some(path.path()), variables)
}

fn problems_of(file: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match load_sample(file, variables) {
        Ok(loaded) => panic!("expected problems, got {loaded:?}"),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_environment_goes_over_the_file_and_the_file_over_the_defaults() {
    let file = "[gateway]\nbind = 'file'\npage_max = 7\n[processor]\nanything = 1\n";
    let loaded = load_sample(file, &[("COLLOQUY_GATEWAY__BIND", "variable")]).expect("is valid");
    assert_eq!(loaded.config.gateway.bind, "variable");
    assert_eq!(loaded.config.gateway.page_max, 7);
    assert_eq!(loaded.config.redis.urls, ["redis://127.0.0.1:6379"]);
}

#[test]
fn a_variable_is_read_as_what_its_setting_takes() {
    let variables = [
        ("COLLOQUY_GATEWAY__ROWS_MAX", "12"),
        ("COLLOQUY_GATEWAY__KEY", "007"),
    ];
    let gateway = load_sample("", &variables)
        .expect("is valid")
        .config
        .gateway;
    assert_eq!(gateway.rows_max, Some(12));
    assert_eq!(gateway.key.expect("is set").expose(), "007");
    let problems = problems_of("[gateway]\nrows_max = '12'", &[]);
    assert!(problems[0].contains("expected u32"), "{problems:?}");
}

#[test]
fn every_mistake_is_reported_at_once_with_its_key_its_source_and_a_hint() {
    let file =
        "[gateway]\nbnid = 'x'\npage_max = 'many'\ntokens = [{nam = 'x'}]\n[gatewya]\nbind = 'x'\n";
    let problems = problems_of(file, &[("COLLOQUY_REDIS__PASWORD", "x")]);
    let all = problems.join("\n");
    for expected in [
        "gatewya (from ",
        "did you mean [gateway]?",
        "gateway.bnid (from ",
        "did you mean `bind`?",
        "gateway.page_max (from ",
        "expected u32, found a text",
        "gateway.tokens",
        "did you mean `name`?",
        "redis.pasword (from environment variable COLLOQUY_REDIS__PASWORD)",
        "did you mean `password`?",
    ] {
        assert!(all.contains(expected), "{expected} is not in\n{all}");
    }
    assert_eq!(problems.len(), 5, "{all}");
}

#[test]
fn what_the_types_allow_but_the_service_does_not_is_reported_with_its_source() {
    let problems = problems_of("", &[("COLLOQUY_GATEWAY__PAGE_MAX", "5000")]);
    assert_eq!(
        problems,
        [
            "gateway.page_max (from environment variable COLLOQUY_GATEWAY__PAGE_MAX): must be below 1000; lower it"
        ]
    );
}

#[test]
fn a_missing_file_and_broken_toml_are_errors_that_name_the_file() {
    let missing = load_from::<Sample>(Some(Path::new("/nonexistent/colloquy.toml")), [])
        .expect_err("there is no such file");
    assert!(
        missing.to_string().contains("/nonexistent/colloquy.toml"),
        "{missing}"
    );
    let broken = problems_of("[gateway\nbind = 1", &[]);
    assert_eq!(broken.len(), 1, "{broken:?}");
}

#[test]
fn no_error_repeats_a_value() {
    for file in [
        "[gateway]\npage_max = 'hunter2'\n",
        "[gateway]\ntokens = 'hunter2'\n",
        "[redis]\npassword = ['hunter2']\n",
        "[redis]\npassword = 'hunter2\n",
        "[redis]\npassword = hunter2\n",
    ] {
        let problems = problems_of(file, &[]).join("\n");
        assert!(
            !problems.is_empty() && !problems.contains("hunter2"),
            "{file}: {problems}"
        );
    }
    let line = problems_of("[redis]\npassword = 'hunter2\n", &[]).join("\n");
    assert!(line.contains("line 2"), "{line}");
    let number = problems_of("[redis]\npassword = 98765432\n", &[]).join("\n");
    assert!(
        number.contains("found a number") && !number.contains("98765432"),
        "{number}"
    );
}

#[test]
fn the_printed_configuration_says_where_each_value_is_from_and_shows_no_secret() {
    let file = "[redis]\nurls = ['redis://u:hunter2@h']\n\
                [gateway.properties]\n'sasl.username' = 'u'\n";
    let loaded = load_sample(file, &[("COLLOQUY_REDIS__PASSWORD", "hunter2")]).expect("is valid");
    let text = loaded.print().expect("prints");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(
        text.contains(
            "redis.password = \"[redacted]\"  # environment variable COLLOQUY_REDIS__PASSWORD"
        ),
        "{text}"
    );
    assert!(text.contains("gateway.page_max = 0  # default"), "{text}");
    assert!(
        text.contains("gateway.properties.\"sasl.username\" = \"u\"  # /"),
        "{text}"
    );
    assert!(
        text.contains("redis.urls = [\"redis://u:[redacted]@h\"]  # /"),
        "{text}"
    );
}

#[test]
fn a_variable_that_sets_nothing_is_a_warning() {
    let loaded = load_sample("", &[("COLLOQUY_GATEWAY_BIND", "x")]).expect("is valid");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("COLLOQUY_GATEWAY_BIND"));
}
