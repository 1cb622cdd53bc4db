//! What Redis refuses or fails to do arrives as an error that tells what to do about it.

use crate::support::{connect, digest, entry, eventually, next, on_stored, put, summary, written};
use futures::StreamExt as _;
use std::process::Command;
use std::time::Duration;
use store::testing::{RedisCluster, RedisServer};
use store::{Commit, Error, ListQuery, Store, StoreConfig, Wakeup};
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn a_full_redis_refuses_writes_still_lists_and_recovers() {
    let server = RedisServer::start().await.unwrap();
    let store = connect(&server.config()).await;
    for n in 0..30 {
        put(&store, &summary("shop", &format!("c-{n}"), 0..=n)).await;
    }
    let set = |name: &str, value: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg(name).arg(value);
        command
    };
    let _: () = server.command(&set("maxmemory", "1")).await.unwrap();
    let late = summary("shop", "late", 0..=100);
    let refused = store.commit(&late, Some(&entry("x"))).await.unwrap_err();
    assert!(matches!(refused, Error::OutOfMemory(_)), "{refused:?}");
    assert!(refused.is_transient() && refused.refuses_writes());
    let refused = store
        .index(&[crate::support::update(&late)])
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::OutOfMemory(_)), "{refused:?}");

    let page = store
        .list(&ListQuery {
            limit: 10,
            ..ListQuery::default()
        })
        .await
        .unwrap();
    assert_eq!((page.rows.len(), page.has_more), (10, true));
    assert!(
        store
            .load(&summary("shop", "c-1", 0..=1).key, 0)
            .await
            .unwrap()
            .is_some()
    );

    let _: () = server.command(&set("maxmemory", "0")).await.unwrap();
    // Nothing was written before.
    written(store.commit(&late, Some(&entry("x"))).await);
}

#[tokio::test]
async fn a_replica_refuses_writes() {
    let (server, elsewhere) = (
        RedisServer::start().await.unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let store = connect(&server.config()).await;
    let mut command = redis::cmd("REPLICAOF");
    command.arg("127.0.0.1").arg(elsewhere.port());
    let _: () = server.command(&command).await.unwrap();
    let refused = store
        .commit(&summary("shop", "c-1", 0..=1), Some(&entry("x")))
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::ReadOnly(_)), "{refused:?}");
}

#[tokio::test]
async fn a_redis_that_is_away_is_unavailable_in_bounded_time_and_comes_back() {
    let server = RedisServer::start().await.unwrap();
    let config = server.config();
    let store = connect(&config).await;
    put(&store, &summary("shop", "c-1", 0..=1)).await;
    let port = server.port();
    drop(server);
    let began = Instant::now();
    for _ in 0..3 {
        let failed = store.ping().await.unwrap_err();
        assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    let failed = Store::connect(&config).await.unwrap_err();
    assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");

    let _server = RedisServer::start_on(port, &[]).await.unwrap();
    eventually("the store answers again", || async {
        store.ping().await.is_ok()
    })
    .await;
    put(&store, &summary("shop", "c-1", 0..=1)).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_unavailable_in_bounded_time() {
    let server = RedisServer::start().await.unwrap();
    let config = StoreConfig {
        response_timeout_ms: 200,
        ..server.config()
    };
    let store = connect(&config).await;
    let mut sleep = redis::cmd("CLIENT");
    sleep.arg("PAUSE").arg(3_000).arg("ALL");
    let _: () = server.command(&sleep).await.unwrap();
    let failed = timeout(Duration::from_secs(2), store.ping())
        .await
        .expect("in time")
        .unwrap_err();
    assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");
    eventually("the store answers again", || async {
        store.ping().await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_shows_as_a_conflict_with_itself() {
    let server = RedisServer::start().await.unwrap();
    let store = connect(&server.config()).await;
    let first = summary("shop", "c-1", 0..=1);
    put(&store, &first).await;
    assert_eq!(
        store.commit(&first, Some(&entry("x"))).await.unwrap(),
        Commit::Conflict { version: 1 }
    );
    put(&store, &next(&first)).await;
}

#[tokio::test]
async fn a_wrong_password_is_a_matter_of_configuration() {
    let server = RedisServer::start_with(&["--user", "app", "on", ">right", "~*", "&*", "+@all"])
        .await
        .unwrap();
    let with = |password: &str| StoreConfig {
        username: Some("app".to_owned()),
        password: Some(password.to_owned().into()),
        ..server.config()
    };
    let store = connect(&with("right")).await;
    let _wakeups = store.wakeups().await.unwrap();
    let refused = Store::connect(&with("wrong")).await.unwrap_err();
    assert!(matches!(refused, Error::Config(_)), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("wrong"));
}

#[tokio::test]
async fn servers_with_a_private_authority_are_reached_by_tls() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (cert, private) = (file("cert.pem"), file("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", &private, "-out", &cert])
        .output()
        .expect("openssl is installed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let tls_port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let arguments = [
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &private,
    ];
    let arguments = [
        &arguments[..],
        &["--tls-ca-cert-file", &cert, "--tls-auth-clients", "no"],
    ]
    .concat();
    let server = RedisServer::start_with(&arguments).await.unwrap();
    let config = StoreConfig {
        urls: vec![format!("rediss://localhost:{tls_port}")],
        ..server.config()
    };

    let store = connect(&StoreConfig {
        tls_ca_file: Some(cert.into()),
        ..config.clone()
    })
    .await;
    let _wakeups = store.wakeups().await.unwrap();
    put(&store, &summary("shop", "c-1", 0..=1)).await;
    Store::connect(&config)
        .await
        .expect_err("no public authority has signed it");
}

#[tokio::test]
async fn a_cluster_that_lost_a_primary_is_unavailable_in_bounded_time() {
    let mut cluster = RedisCluster::start().await.unwrap();
    let config = StoreConfig {
        response_timeout_ms: 500,
        ..cluster.config()
    };
    let store = connect(&config).await;
    let mut conversations: Vec<_> = (0..12)
        .map(|n| summary("shop", &format!("c-{n}"), 0..=1))
        .collect();
    for conversation in &mut conversations {
        put(&store, conversation).await;
        *conversation = on_stored(&store, conversation).await;
    }
    drop(cluster.nodes.pop());
    let (mut failed, began) = (0, Instant::now());
    for conversation in &conversations {
        match store.commit(&next(conversation), Some(&entry("x"))).await {
            Ok(done) => assert!(matches!(done, Commit::Done { .. }), "{done:?}"),
            Err(error) => {
                assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
                failed += 1;
            }
        }
    }
    assert!(failed > 0);
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_fails_over_is_followed() {
    let mut cluster = RedisCluster::start().await.unwrap();
    cluster.add_replicas().await.unwrap();
    let config = StoreConfig {
        response_timeout_ms: 1_000,
        ..cluster.config()
    };
    let store = connect(&config).await;
    let conversations: Vec<_> = (0..12)
        .map(|n| summary("shop", &format!("c-{n}"), 0..=1))
        .collect();
    for conversation in &conversations {
        put(&store, conversation).await;
    }
    let mut wakeups = store.wakeups().await.unwrap();
    eventually("the replicas have everything", || async {
        let (primaries, replicas) = cluster.nodes.split_at(3);
        let mut are_equal = true;
        for (primary, replica) in primaries.iter().zip(replicas) {
            let sizes: (u64, u64) = (
                primary.command(&redis::cmd("DBSIZE")).await.unwrap(),
                replica.command(&redis::cmd("DBSIZE")).await.unwrap(),
            );
            are_equal &= sizes.0 == sizes.1;
        }
        are_equal
    })
    .await;
    drop(cluster.nodes.remove(0));
    eventually("the store goes on with the replica", || async {
        let mut is_whole = true;
        for conversation in &conversations {
            is_whole &= matches!(store.load(&conversation.key, 0).await, Ok(Some(_)));
        }
        is_whole
    })
    .await;
    for conversation in &conversations {
        put(&store, &next(conversation)).await;
    }
    let last = digest(conversations.last().unwrap());
    let announced = async {
        while wakeups.next().await
            != Some(Wakeup::Changed {
                digest: last,
                version: 2,
            })
        {}
    };
    timeout(Duration::from_secs(10), announced)
        .await
        .expect("listening goes on at another node");
}
