//! The contract for sessions, in every store.

use std::time::{Duration, SystemTime};

use host::store::session::{Session, SessionId, SessionLookup};
use mcp_protocol::{LogLevel, Revision};

use crate::{Stores, cases};

cases!(
    a_session_is_found_as_it_was_created,
    a_session_without_a_principal_is_found,
    another_id_is_unknown,
    a_session_ends_on_its_second,
    an_expired_session_is_unknown_though_it_is_still_there,
    an_ended_session_stays_so,
    an_unknown_session_can_be_ended,
    a_session_is_ended_twice,
    a_tombstone_is_forgotten_in_the_end,
    a_session_of_another_principal_is_not_ended,
    any_principal_can_end_an_unknown_session,
    a_session_keeps_the_level_that_is_set,
    a_level_creates_no_session,
    a_level_does_not_bring_an_ended_session_back,
    writes_in_flight_do_not_bring_an_ended_session_back,
    the_same_session_is_created_twice_by_a_client_that_tries_again,
    a_session_is_extended,
    an_extension_does_not_bring_an_ended_session_back,
    an_extension_creates_no_session,
    values_of_clients_come_back_unchanged,
);

/// Returns the time after this many seconds. (Stores keep whole seconds.)
fn after(seconds: u64) -> SystemTime {
    let now = SystemTime::now() + Duration::from_secs(seconds);
    let since = now.duration_since(SystemTime::UNIX_EPOCH).expect("now");
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn session(seconds: u64) -> Session {
    Session {
        revision: Revision::LATEST_LEGACY,
        client: Some(r#"{"name":"c","version":"1"}"#.to_owned()),
        capabilities: Some(r#"{"roots":{}}"#.to_owned()),
        log_level: Some(LogLevel::Warning),
        principal: Some("alice".to_owned()),
        created: after(0),
        expires: after(seconds),
    }
}

/// Creates a session of an hour.
async fn created(stores: &Stores) -> (SessionId, Session) {
    let (id, session) = (SessionId::random(), session(3600));
    let created = stores.sessions.create(id, session.clone()).await;
    created.expect("it can be created");
    (id, session)
}

async fn find(stores: &Stores, id: SessionId) -> SessionLookup {
    stores.sessions.find(id).await.expect("it can be looked up")
}

async fn end(stores: &Stores, id: SessionId, remember: u64) {
    let ended = stores.sessions.end(id, Some("alice"), after(remember));
    assert!(ended.await.expect("it can be ended"));
}

/// Sets the level of a session. `false`: there is no such session.
async fn set_level(stores: &Stores, id: SessionId) -> bool {
    let set = stores.sessions.set_log_level(id, LogLevel::Debug).await;
    set.expect("no error")
}

async fn a_session_is_found_as_it_was_created(stores: Stores) {
    let (id, session) = created(&stores).await;
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(session));
}

async fn a_session_without_a_principal_is_found(stores: Stores) {
    let id = SessionId::random();
    let session = Session {
        client: None,
        capabilities: None,
        log_level: None,
        principal: None,
        ..session(60)
    };
    let created = stores.sessions.create(id, session.clone()).await;
    created.expect("it can be created");
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(session));
}

async fn another_id_is_unknown(stores: Stores) {
    created(&stores).await;
    assert_eq!(
        find(&stores, SessionId::random()).await,
        SessionLookup::Unknown
    );
}

async fn a_session_ends_on_its_second(stores: Stores) {
    let id = SessionId::random();
    let short = session(2);
    stores
        .sessions
        .create(id, short.clone())
        .await
        .expect("created");
    assert!(matches!(find(&stores, id).await, SessionLookup::Alive(_)));
    let left = short.expires.duration_since(SystemTime::now());
    tokio::time::sleep(left.unwrap_or_default()).await;
    assert_eq!(find(&stores, id).await, SessionLookup::Unknown);
}

async fn an_expired_session_is_unknown_though_it_is_still_there(stores: Stores) {
    let id = SessionId::random();
    let expired = Session {
        expires: SystemTime::now() - Duration::from_secs(1),
        ..session(0)
    };
    stores.sessions.create(id, expired).await.expect("created");
    assert_eq!(find(&stores, id).await, SessionLookup::Unknown);
}

async fn an_ended_session_stays_so(stores: Stores) {
    let (id, _) = created(&stores).await;
    end(&stores, id, 60).await;
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
}

async fn an_unknown_session_can_be_ended(stores: Stores) {
    let id = SessionId::random();
    end(&stores, id, 60).await;
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
}

async fn a_session_is_ended_twice(stores: Stores) {
    let (id, _) = created(&stores).await;
    end(&stores, id, 60).await;
    end(&stores, id, 60).await;
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
}

async fn a_tombstone_is_forgotten_in_the_end(stores: Stores) {
    let (id, _) = created(&stores).await;
    end(&stores, id, 0).await;
    assert_eq!(find(&stores, id).await, SessionLookup::Unknown);
}

async fn a_session_of_another_principal_is_not_ended(stores: Stores) {
    let (id, session) = created(&stores).await;
    for other in [None, Some("bob"), Some("")] {
        let ended = stores.sessions.end(id, other, after(60)).await;
        assert!(!ended.expect("no error"), "{other:?}");
    }
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(session));
    let (id, nobodys) = (
        SessionId::random(),
        Session {
            principal: None,
            ..self::session(60)
        },
    );
    let created = stores.sessions.create(id, nobodys).await;
    created.expect("it can be created");
    let by_alice = stores.sessions.end(id, Some("alice"), after(60)).await;
    assert!(!by_alice.expect("no error"));
    let by_nobody = stores.sessions.end(id, None, after(60)).await;
    assert!(by_nobody.expect("no error"));
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
}

async fn any_principal_can_end_an_unknown_session(stores: Stores) {
    for principal in [None, Some("bob")] {
        let id = SessionId::random();
        for _ in 0..2 {
            let ended = stores.sessions.end(id, principal, after(60)).await;
            assert!(ended.expect("no error"), "{principal:?}");
            assert_eq!(find(&stores, id).await, SessionLookup::Ended);
        }
    }
}

async fn a_session_keeps_the_level_that_is_set(stores: Stores) {
    let (id, session) = created(&stores).await;
    let changed = Session {
        log_level: Some(LogLevel::Debug),
        ..session
    };
    assert!(set_level(&stores, id).await);
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(changed));
}

async fn a_level_creates_no_session(stores: Stores) {
    let id = SessionId::random();
    assert!(!set_level(&stores, id).await);
    assert_eq!(find(&stores, id).await, SessionLookup::Unknown);
}

async fn a_level_does_not_bring_an_ended_session_back(stores: Stores) {
    let (id, _) = created(&stores).await;
    end(&stores, id, 60).await;
    assert!(!set_level(&stores, id).await);
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
}

async fn writes_in_flight_do_not_bring_an_ended_session_back(stores: Stores) {
    for _ in 0..10 {
        let (id, session) = created(&stores).await;
        let writes = (0..4).map(async |_| {
            set_level(&stores, id).await;
            let extended = stores.sessions.extend(id, after(60)).await;
            extended.expect("no error");
        });
        let again = stores.sessions.create(id, session);
        let writes = futures_util::future::join_all(writes);
        let (_, (), again) = tokio::join!(writes, end(&stores, id, 60), again);
        again.expect("no error");
        assert_eq!(find(&stores, id).await, SessionLookup::Ended);
    }
}

async fn the_same_session_is_created_twice_by_a_client_that_tries_again(stores: Stores) {
    let (id, session) = created(&stores).await;
    let again = stores.sessions.create(id, session.clone()).await;
    again.expect("it can be created again");
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(session));
}

async fn a_session_is_extended(stores: Stores) {
    let (id, session) = created(&stores).await;
    let later = after(7200);
    stores.sessions.extend(id, later).await.expect("extended");
    let extended = Session {
        expires: later,
        ..session
    };
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(extended));
}

async fn an_extension_does_not_bring_an_ended_session_back(stores: Stores) {
    let (id, _) = created(&stores).await;
    end(&stores, id, 60).await;
    stores
        .sessions
        .extend(id, after(60))
        .await
        .expect("no error");
    assert_eq!(find(&stores, id).await, SessionLookup::Ended);
}

async fn an_extension_creates_no_session(stores: Stores) {
    let id = SessionId::random();
    stores
        .sessions
        .extend(id, after(60))
        .await
        .expect("no error");
    assert_eq!(find(&stores, id).await, SessionLookup::Unknown);
}

async fn values_of_clients_come_back_unchanged(stores: Stores) {
    let id = SessionId::random();
    let session = Session {
        client: Some(r#"{"name":"größe 漢字 🦀 \u0000 \"","version":""}"#.to_owned()),
        principal: Some("arn:aws:iam::1:user/Zoë".to_owned()),
        capabilities: Some(format!("\"{}\"", "x".repeat(1022))),
        ..session(60)
    };
    stores
        .sessions
        .create(id, session.clone())
        .await
        .expect("created");
    assert_eq!(find(&stores, id).await, SessionLookup::Alive(session));
}
