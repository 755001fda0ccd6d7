//! The contract for the state of tools, in every store.

use std::time::{Duration, SystemTime};

use host::store::tool_state::{Expected, Owner, ToolState, WriteOutcome};
use tool_rules::state::MAX_VALUE;
use uuid::Uuid;

use crate::{Stores, cases};

cases!(
    a_store_is_empty_at_first,
    a_state_is_read_as_it_was_written,
    a_first_write_loses_against_another,
    a_write_replaces_the_version_that_it_knows,
    a_write_loses_against_one_that_it_does_not_know,
    a_write_of_a_version_needs_that_one_to_be_there,
    the_same_write_is_done_once_however_often_it_is_tried,
    a_write_whose_answer_was_lost_is_recognized_after_others,
    writers_at_the_same_time_lose_nothing,
    a_deleted_state_has_no_value_and_keeps_counting,
    an_expired_state_is_written_over,
    an_expired_state_that_is_gone_is_written_over,
    a_state_ends_on_its_second,
    a_state_lives_at_least_as_long_as_requested,
    an_end_that_is_fixed_stays_so,
    a_state_is_extended,
    an_extension_creates_no_state,
    the_largest_value_is_kept,
    values_come_back_letter_by_letter,
    keys_do_not_touch_each_other,
);

fn key() -> String {
    format!("state#{}", Uuid::new_v4().simple())
}

fn owner() -> Owner {
    Owner {
        plugin: "tools".to_owned(),
        principal: Some("alice".to_owned()),
    }
}

fn later(seconds: u64) -> SystemTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.expect("now").as_secs() + seconds;
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn next(before: Option<&ToolState>, value: &str) -> ToolState {
    ToolState::next(before, owner(), Some(value.to_owned()), later(60))
}

async fn read(stores: &Stores, key: &str) -> Option<ToolState> {
    stores.states.read(key).await.expect("it can be read")
}

async fn write(stores: &Stores, key: &str, state: &ToolState, expected: Expected) -> WriteOutcome {
    let written = stores.states.write(key, state, expected).await;
    written.expect("it can be written")
}

/// Creates a first state under a key.
async fn begun(stores: &Stores, value: &str) -> (String, ToolState) {
    let (key, state) = (key(), next(None, value));
    let written = write(stores, &key, &state, Expected::VersionOrNothing(0)).await;
    assert_eq!(written, WriteOutcome::Done);
    (key, state)
}

async fn a_store_is_empty_at_first(stores: Stores) {
    assert_eq!(read(&stores, &key()).await, None);
}

async fn a_state_is_read_as_it_was_written(stores: Stores) {
    let (key, state) = begun(&stores, "1").await;
    assert_eq!(read(&stores, &key).await, Some(state));
    let of_nobody = ToolState {
        owner: Owner {
            plugin: "p".to_owned(),
            principal: None,
        },
        ..next(None, "2")
    };
    let key = self::key();
    write(&stores, &key, &of_nobody, Expected::VersionOrNothing(0)).await;
    assert_eq!(read(&stores, &key).await, Some(of_nobody));
}

async fn a_first_write_loses_against_another(stores: Stores) {
    let (key, state) = begun(&stores, "1").await;
    let other = next(None, "2");
    let written = write(&stores, &key, &other, Expected::VersionOrNothing(0)).await;
    assert_eq!(written, WriteOutcome::Conflict);
    assert_eq!(read(&stores, &key).await, Some(state));
}

async fn a_write_replaces_the_version_that_it_knows(stores: Stores) {
    let (key, first) = begun(&stores, "1").await;
    let second = next(Some(&first), "2");
    let written = write(&stores, &key, &second, Expected::Version(1)).await;
    assert_eq!(written, WriteOutcome::Done);
    assert_eq!(read(&stores, &key).await, Some(second));
}

async fn a_write_loses_against_one_that_it_does_not_know(stores: Stores) {
    let (key, first) = begun(&stores, "1").await;
    let second = next(Some(&first), "2");
    write(&stores, &key, &second, Expected::Version(1)).await;
    for expected in [Expected::Version(1), Expected::VersionOrNothing(1)] {
        let other = next(Some(&first), "3");
        assert_eq!(
            write(&stores, &key, &other, expected).await,
            WriteOutcome::Conflict
        );
    }
    assert_eq!(read(&stores, &key).await, Some(second));
}

async fn a_write_of_a_version_needs_that_one_to_be_there(stores: Stores) {
    let key = key();
    let state = next(None, "1");
    let written = write(&stores, &key, &state, Expected::Version(1)).await;
    assert_eq!(written, WriteOutcome::Conflict);
    assert_eq!(read(&stores, &key).await, None);
}

async fn the_same_write_is_done_once_however_often_it_is_tried(stores: Stores) {
    let (key, first) = begun(&stores, "1").await;
    let again = write(&stores, &key, &first, Expected::VersionOrNothing(0)).await;
    assert_eq!(again, WriteOutcome::Done);
    let second = next(Some(&first), "2");
    for _ in 0..3 {
        let written = write(&stores, &key, &second, Expected::Version(1)).await;
        assert_eq!(written, WriteOutcome::Done);
    }
    assert_eq!(read(&stores, &key).await, Some(second));
}

async fn a_write_whose_answer_was_lost_is_recognized_after_others(stores: Stores) {
    let (key, first) = begun(&stores, "0").await;
    let lost = next(Some(&first), "1");
    write(&stores, &key, &lost, Expected::Version(1)).await;
    let mut latest = lost.clone();
    for number in 2..20 {
        let before = latest.clone();
        latest = next(Some(&before), &number.to_string());
        let expected = Expected::Version(before.version);
        assert_eq!(
            write(&stores, &key, &latest, expected).await,
            WriteOutcome::Done
        );
    }
    let again = write(&stores, &key, &lost, Expected::Version(1)).await;
    assert_eq!(again, WriteOutcome::Done);
    assert_eq!(read(&stores, &key).await, Some(latest));
}

async fn writers_at_the_same_time_lose_nothing(stores: Stores) {
    let (key, _) = begun(&stores, "0").await;
    let writers = (0..8).map(async |_| {
        for _ in 0..10 {
            loop {
                let before = read(&stores, &key).await.expect("it is there");
                let count: u32 = before
                    .value
                    .as_deref()
                    .unwrap_or("0")
                    .parse()
                    .expect("a number");
                let after = next(Some(&before), &(count + 1).to_string());
                let expected = ToolState::expected(Some(&before), SystemTime::now());
                if write(&stores, &key, &after, expected).await == WriteOutcome::Done {
                    break;
                }
            }
        }
    });
    futures_util::future::join_all(writers).await;
    let state = read(&stores, &key).await.expect("it is there");
    assert_eq!(state.value.as_deref(), Some("80"));
    assert_eq!(state.version, 81);
}

async fn a_deleted_state_has_no_value_and_keeps_counting(stores: Stores) {
    let (key, first) = begun(&stores, "1").await;
    let deleted = ToolState::next(Some(&first), owner(), None, later(60));
    write(&stores, &key, &deleted, Expected::Version(1)).await;
    let found = read(&stores, &key)
        .await
        .expect("its version is still there");
    assert_eq!((found.value.as_deref(), found.version), (None, 2));
    // A writer with the first version cannot overwrite it.
    let late = next(Some(&first), "late");
    assert_eq!(
        write(&stores, &key, &late, Expected::Version(1)).await,
        WriteOutcome::Conflict
    );
    let expected = ToolState::expected(Some(&found), SystemTime::now());
    assert_eq!(expected, Expected::VersionOrNothing(2));
    let third = next(Some(&found), "3");
    assert_eq!(
        write(&stores, &key, &third, expected).await,
        WriteOutcome::Done
    );
}

async fn an_expired_state_is_written_over(stores: Stores) {
    let key = key();
    let expired = ToolState {
        expires: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        ..next(None, "1")
    };
    write(&stores, &key, &expired, Expected::VersionOrNothing(0)).await;
    let found = read(&stores, &key)
        .await
        .expect("nobody has deleted it yet");
    assert_eq!(found.value_at(SystemTime::now()), None);
    let expected = ToolState::expected(Some(&found), SystemTime::now());
    let state = next(Some(&found), "2");
    assert_eq!(
        write(&stores, &key, &state, expected).await,
        WriteOutcome::Done
    );
    assert_eq!(read(&stores, &key).await, Some(state));
}

async fn an_expired_state_that_is_gone_is_written_over(stores: Stores) {
    // Deleted between the reading and the writing.
    let expired = ToolState {
        expires: SystemTime::UNIX_EPOCH,
        ..next(None, "1")
    };
    let expected = ToolState::expected(Some(&expired), SystemTime::now());
    let state = next(Some(&expired), "2");
    let key = key();
    assert_eq!(
        write(&stores, &key, &state, expected).await,
        WriteOutcome::Done
    );
}

async fn a_state_ends_on_its_second(stores: Stores) {
    let (key, expires) = (key(), later(2));
    let state = ToolState {
        expires,
        ..next(None, "1")
    };
    write(&stores, &key, &state, Expected::VersionOrNothing(0)).await;
    let found = read(&stores, &key).await.expect("it is there");
    assert_eq!(
        found.value_at(expires - Duration::from_millis(1)),
        Some("1")
    );
    assert_eq!(found.value_at(expires), None);
}

async fn a_state_lives_at_least_as_long_as_requested(stores: Stores) {
    let expires = later(60) + Duration::from_millis(1);
    let (key, state) = (
        key(),
        ToolState {
            expires,
            ..next(None, "1")
        },
    );
    write(&stores, &key, &state, Expected::VersionOrNothing(0)).await;
    let found = read(&stores, &key).await.expect("it is there");
    assert!(found.expires >= expires, "{found:?}");
}

async fn an_end_that_is_fixed_stays_so(stores: Stores) {
    let key = key();
    let first = ToolState {
        is_fixed: true,
        ..next(None, "1")
    };
    write(&stores, &key, &first, Expected::VersionOrNothing(0)).await;
    assert_eq!(read(&stores, &key).await, Some(first.clone()));
    let second = next(Some(&first), "2");
    assert!(second.is_fixed);
    write(&stores, &key, &second, Expected::Version(1)).await;
    assert_eq!(read(&stores, &key).await, Some(second));
}

async fn a_state_is_extended(stores: Stores) {
    let (key, state) = begun(&stores, "1").await;
    let expires = later(7200);
    stores.states.extend(&key, expires).await.expect("extended");
    assert_eq!(
        read(&stores, &key).await,
        Some(ToolState { expires, ..state })
    );
}

async fn an_extension_creates_no_state(stores: Stores) {
    let key = key();
    stores
        .states
        .extend(&key, later(60))
        .await
        .expect("no error");
    assert_eq!(read(&stores, &key).await, None);
}

async fn the_largest_value_is_kept(stores: Stores) {
    let mut before = None;
    // With the maximum number of remembered writes.
    let key = key();
    for version in 0..70 {
        let value = if version < 69 { 1 } else { MAX_VALUE - 2 };
        let state = next(before.as_ref(), &format!("\"{}\"", "x".repeat(value)));
        let expected = ToolState::expected(before.as_ref(), SystemTime::now());
        assert_eq!(
            write(&stores, &key, &state, expected).await,
            WriteOutcome::Done
        );
        before = Some(state);
    }
    assert_eq!(read(&stores, &key).await, before);
}

async fn values_come_back_letter_by_letter(stores: Stores) {
    for value in [
        r#""größe 漢字 🦀 \u0000 \"""#,
        "null",
        "{}",
        "\"\"",
        "1e400",
        " [1, 2] ",
    ] {
        let (key, state) = begun(&stores, value).await;
        assert_eq!(read(&stores, &key).await, Some(state), "{value}");
    }
}

async fn keys_do_not_touch_each_other(stores: Stores) {
    let (one, state) = begun(&stores, "1").await;
    let (two, other) = begun(&stores, "2").await;
    assert_ne!(one, two);
    assert_eq!(read(&stores, &one).await, Some(state));
    assert_eq!(read(&stores, &two).await, Some(other));
}

/// Checks that a table reports a value that is not JSON. (Somebody has edited the item.)
pub(crate) async fn assert_a_damaged_value_is_an_error(stores: Stores) {
    for value in ["", "{", "{\"a\":1}}", "NaN"] {
        let (key, _) = begun(&stores, value).await;
        let error = stores.states.read(&key).await.expect_err(value).to_string();
        assert!(error.contains("is damaged"), "{error}");
        assert!(error.contains("the plugin tools, version 1"), "{error}");
        assert!(!error.contains(&key), "{error}");
    }
}
