//! The states that one call reads and writes. A transaction keeps their records and the pending writes, and decides
//! what happens if another call has written first.

use std::{collections::BTreeMap, mem};

use super::StateFailure;

/// A state in the form in which its store returns it.
pub trait StateRecord {
    /// The value of a state in the form in which its store holds JSON.
    type Value: Clone;

    /// Returns the version; 0 if nothing has been written yet.
    fn version(&self) -> u64;

    /// Returns the value, if one is stored and has not expired.
    fn value(&self) -> Option<Self::Value>;
}

/// A state as the tool sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot<V> {
    /// The value; `None` if nothing is stored.
    pub value: Option<V>,
    /// The version to give with a write that is based on this value.
    pub version: u64,
}

/// The next step of an immediate write, which does not wait for the end of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutStep<V> {
    /// Write the record.
    Write,
    /// The tool gave another version: return this snapshot to it.
    Conflict(Snapshot<V>),
    /// The tool gave another version than that of the record, which was read earlier: read the record again, and return
    /// it to the tool.
    ReadAgain,
}

/// The states of one call, by their keys.
#[derive(Clone, Debug)]
pub struct StateTransaction<R: StateRecord> {
    tool: String,
    records: BTreeMap<String, R>,
    /// The writes to perform when the call has succeeded. `None` deletes the value.
    pending: BTreeMap<String, Option<R::Value>>,
    has_conflict: bool,
    has_written: bool,
}

impl<R: StateRecord> Default for StateTransaction<R> {
    fn default() -> Self {
        Self::new("")
    }
}

impl<R: StateRecord> StateTransaction<R> {
    /// Creates the transaction for a call of this tool.
    #[must_use]
    pub fn new(tool: &str) -> Self {
        Self {
            tool: tool.to_owned(),
            records: BTreeMap::new(),
            pending: BTreeMap::new(),
            has_conflict: false,
            has_written: false,
        }
    }

    /// Returns the record that this call has read or written.
    #[must_use]
    pub fn record(&self, key: &str) -> Option<&R> {
        self.records.get(key)
    }

    /// Stores a record that was read.
    pub fn insert(&mut self, key: &str, record: R) {
        self.records.insert(key.to_owned(), record);
    }

    /// Removes a record, so that the next use reads it again.
    pub fn forget(&mut self, key: &str) {
        self.records.remove(key);
    }

    /// Returns the state as the tool sees it: with the value of its pending write, if there is one.
    #[must_use]
    pub fn snapshot(&self, key: &str) -> Snapshot<R::Value> {
        let record = self.records.get(key);
        let value = match self.pending.get(key) {
            Some(pending) => pending.clone(),
            None => record.and_then(StateRecord::value),
        };
        Snapshot {
            value,
            version: record.map_or(0, StateRecord::version),
        }
    }

    /// Sets a value that is written when the call has succeeded. `None` deletes the value.
    pub fn set(&mut self, key: &str, value: Option<R::Value>) {
        self.pending.insert(key.to_owned(), value);
    }

    /// Decides the next step of an immediate write. The record of the state must have been read.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] if another call has changed a state that this one has set.
    pub fn begin_put(
        &mut self,
        key: &str,
        version: u64,
    ) -> Result<PutStep<R::Value>, StateFailure> {
        let seen = self.snapshot(key);
        let is_pending = self.pending.contains_key(key);
        match (seen.version == version, is_pending) {
            (false, false) => {
                self.forget(key);
                Ok(PutStep::ReadAgain)
            }
            (false, true) => Ok(PutStep::Conflict(seen)),
            (true, true) if self.has_conflict => Err(self.conflict()),
            (true, _) => Ok(PutStep::Write),
        }
    }

    /// Records the outcome of an immediate write. `written` is the new record; `None` if another call wrote first.
    /// Returns the new version; `None` if the record must be read again and returned to the tool.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] if another call wrote first to a state that this call has set.
    pub fn end_put(&mut self, key: &str, written: Option<R>) -> Result<Option<u64>, StateFailure> {
        match written {
            Some(record) => {
                let version = record.version();
                // The new value is based on the pending value, and replaces it.
                self.pending.remove(key);
                self.record_write(key, record);
                Ok(Some(version))
            }
            None => {
                self.forget(key);
                match self.pending.contains_key(key) {
                    true => Err(self.conflict()),
                    false => Ok(None),
                }
            }
        }
    }

    /// Reports whether there are pending writes.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Removes and returns the pending writes, in the order of their keys.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] if another call has changed a state that this one has set.
    pub fn take_pending(&mut self) -> Result<BTreeMap<String, Option<R::Value>>, StateFailure> {
        let pending = mem::take(&mut self.pending);
        match self.has_conflict {
            true => Err(self.conflict()),
            false => Ok(pending),
        }
    }

    /// Records the outcome of one write of a commit. `written` is the new record; `None` if another call wrote first.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] if another call wrote first. Then the rest of the commit must not be written.
    pub fn end_commit(&mut self, key: &str, written: Option<R>) -> Result<(), StateFailure> {
        match written {
            Some(record) => {
                self.record_write(key, record);
                Ok(())
            }
            None => {
                self.forget(key);
                Err(self.conflict())
            }
        }
    }

    /// Stores the record of a write.
    fn record_write(&mut self, key: &str, record: R) {
        self.insert(key, record);
        self.has_written = true;
    }

    /// Marks the transaction as failed, so that nothing more is committed, and returns the failure.
    fn conflict(&mut self) -> StateFailure {
        self.has_conflict = true;
        match self.has_written {
            true => StateFailure::PartialConflict(self.tool.clone()),
            false => StateFailure::Conflict(self.tool.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state with a version and a value.
    #[derive(Clone, Debug)]
    struct Record(u64, Option<&'static str>);

    impl StateRecord for Record {
        type Value = &'static str;

        fn version(&self) -> u64 {
            self.0
        }

        fn value(&self) -> Option<&'static str> {
            self.1
        }
    }

    fn begin() -> StateTransaction<Record> {
        let mut call = StateTransaction::new("count");
        call.insert("a", Record(3, Some("old")));
        call
    }

    fn snapshot(version: u64, value: Option<&'static str>) -> Snapshot<&'static str> {
        Snapshot { value, version }
    }

    #[test]
    fn a_call_sees_its_own_pending_write_first() {
        let mut call = begin();
        assert_eq!(call.snapshot("a"), snapshot(3, Some("old")));
        call.set("a", Some("new"));
        assert_eq!(call.snapshot("a"), snapshot(3, Some("new")));
        call.set("a", None);
        assert_eq!(call.snapshot("a"), snapshot(3, None));
        assert_eq!(call.snapshot("b"), snapshot(0, None));
    }

    #[test]
    fn a_put_of_another_version_is_a_conflict() {
        let mut call = begin();
        assert_eq!(call.begin_put("a", 2), Ok(PutStep::ReadAgain));
        assert!(call.record("a").is_none(), "it is read again");
        let mut call = begin();
        call.set("a", Some("new"));
        let seen = PutStep::Conflict(snapshot(3, Some("new")));
        assert_eq!(call.begin_put("a", 2), Ok(seen));
    }

    #[test]
    fn a_put_replaces_what_was_set() {
        let mut call = begin();
        call.set("a", Some("new"));
        assert_eq!(call.begin_put("a", 3), Ok(PutStep::Write));
        assert_eq!(call.end_put("a", Some(Record(4, Some("put")))), Ok(Some(4)));
        assert!(!call.is_pending());
        assert_eq!(call.snapshot("a"), snapshot(4, Some("put")));
    }

    #[test]
    fn a_put_that_loses_a_race_fails_only_after_a_set() {
        let conflict = || StateFailure::Conflict("count".to_owned());
        let mut call = begin();
        assert_eq!(call.end_put("a", None), Ok(None));
        let mut call = begin();
        call.set("a", Some("new"));
        assert_eq!(call.end_put("a", None), Err(conflict()));
        // Nothing is written from then on.
        call.insert("a", Record(4, None));
        assert_eq!(call.begin_put("a", 4), Err(conflict()));
        assert_eq!(call.take_pending(), Err(conflict()));
    }

    #[test]
    fn a_conflict_in_a_commit_says_whether_a_part_was_written() {
        let mut call = begin();
        call.set("a", Some("new"));
        call.set("b", Some("new"));
        let pending = call.take_pending().expect("pending writes");
        assert_eq!(pending.into_keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(call.end_commit("a", Some(Record(4, Some("new")))), Ok(()));
        let partly = StateFailure::PartialConflict("count".to_owned());
        assert_eq!(call.end_commit("b", None), Err(partly));
    }
}
