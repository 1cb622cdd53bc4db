use super::*;
use crate::config::Config;

fn key(name: &str, project: &str, project_id: u64) -> NewKey {
    NewKey::generate(name.to_owned(), project.to_owned(), project_id).expect("random")
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = format!("bearer {token}").parse().expect("a header");
    headers.insert(header::AUTHORIZATION, value);
    headers
}

#[test]
fn a_token_leads_to_its_own_project_only() {
    let (shop, bank) = (key("a", "shop", 1), key("b", "bank", 2));
    let keyring = Keyring::new(&[shop.config.clone(), bank.config.clone()]);
    let project = keyring
        .admit_token(&bearer(bank.token.expose()))
        .expect("is known");
    assert_eq!(project.as_deref(), Some("bank"));
    let mut headers = HeaderMap::new();
    headers.insert(
        API_KEY_HEADER,
        shop.token.expose().parse().expect("a header"),
    );
    let project = keyring.admit_token(&headers).expect("is known");
    assert_eq!(project.as_deref(), Some("shop"));
    for wrong in [HeaderMap::new(), bearer("nonsense"), bearer("")] {
        let refused = keyring.admit_token(&wrong).expect_err("is wrong");
        assert_eq!(refused.reason, Reason::Unauthenticated);
        assert!(!refused.message.contains("nonsense"));
    }
}

#[test]
fn a_public_key_leads_to_its_own_project_only() {
    let (shop, bank) = (key("a", "shop", 1), key("b", "bank", 2));
    let keyring = Keyring::new(&[shop.config, bank.config.clone()]);
    let public_key = bank.config.public_key.expect("has one");
    let project = keyring.admit_public_key(&public_key, 2).expect("is known");
    assert_eq!((&*project.name, project.id), ("bank", 2));
    for (key, id) in [(public_key.as_str(), 1), ("unknown", 2), ("", 2)] {
        let refused = keyring.admit_public_key(key, id).expect_err("is wrong");
        assert_eq!(refused.reason, Reason::Forbidden);
    }
}

#[test]
fn without_keys_everyone_may_write_anywhere() {
    let open = Keyring::new(&[]);
    assert_eq!(open.admit_token(&HeaderMap::new()), Ok(None));
    let project = open.admit_public_key("any", 42).expect("is open");
    assert_eq!((&*project.name, project.id), ("42", 42));
}

#[test]
fn the_printed_entry_is_what_the_configuration_reads() {
    let new = key("a \"b\"", "shop", 7);
    let variable = format!("[{}]", new.config_line());
    let variables = [("COLLOQUY_INTAKE__KEYS".to_owned(), variable)];
    let loaded = runtime::config::load_from::<Config>(None, variables).expect("is valid");
    assert_eq!(loaded.config.intake.keys, [new.config]);
}

#[test]
fn keys_that_cannot_work_are_reported() {
    let good = key("a", "shop", 1).config;
    let with = |change: &dyn Fn(&mut KeyConfig)| {
        let mut key = KeyConfig {
            name: "b".to_owned(),
            ..key("b", "shop", 1).config
        };
        change(&mut key);
        vec![good.clone(), key]
    };
    let cases = [
        with(&|key| key.name = "a".to_owned()),
        with(&|key| key.name.clear()),
        with(&|key| key.project = " ".to_owned()),
        with(&|key| key.sha256 = Some("zz".repeat(32))),
        with(&|key| (key.sha256, key.public_key) = (None, None)),
        with(&|key| key.sha256 = good.sha256.clone()),
        with(&|key| key.public_key = Some("with-dashes".to_owned())),
        with(&|key| key.public_key = good.public_key.clone()),
        with(&|key| key.project_id = 2),
        with(&|key| key.project = "bank".to_owned()),
    ];
    for keys in cases {
        let mut problems = Problems::default();
        validate(&keys, &mut problems);
        assert!(!problems.is_empty(), "{keys:?}");
    }
    let mut problems = Problems::default();
    validate(&with(&|_| ()), &mut problems);
    assert!(problems.is_empty());
}
