//! The states that one call reads and writes: its records, its pending writes, and the decision of every conflict.

use std::{collections::BTreeMap, mem};

use super::StateFailure;

/// A state as its store returned it.
pub trait StateRecord {
    /// The JSON of a state, as its store holds it.
    type Value: Clone;

    /// Returns the version; 0 where nothing was written yet.
    fn version(&self) -> u64;

    /// Returns the value, if there is one that has not expired.
    fn value(&self) -> Option<Self::Value>;
}

/// A state as the tool sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot<V> {
    /// The value; `None` if there is none.
    pub value: Option<V>,
    /// The version that a write has to name.
    pub version: u64,
}

/// The next step of a write that is done at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutStep<V> {
    /// Write the record.
    Write,
    /// The tool named another version: it gets this snapshot.
    Conflict(Snapshot<V>),
    /// The tool named another version than the one that was read first: read the record again, the tool gets that.
    ReadAgain,
}

/// The states of one call, by their keys.
#[derive(Clone, Debug)]
pub struct StateTransaction<R: StateRecord> {
    tool: String,
    records: BTreeMap<String, R>,
    /// The writes to do when the call has succeeded. `None` deletes.
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
    /// Creates the transaction of a call of this tool.
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

    /// Forgets a record: the next use reads it again.
    pub fn forget(&mut self, key: &str) {
        self.records.remove(key);
    }

    /// Returns the state as the tool sees it: its own pending write comes first.
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

    /// Sets a value that is written when the call has succeeded. `None` deletes.
    pub fn set(&mut self, key: &str, value: Option<R::Value>) {
        self.pending.insert(key.to_owned(), value);
    }

    /// Decides about a write that is done at once, of a state with a record that was read.
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

    /// Ends a write that is done at once. `written` is the new record; `None` if another call was faster. Returns the new version;
    /// `None` if the record has to be read again, and the tool gets that.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] if the other call has changed a state that this one has set.
    pub fn end_put(&mut self, key: &str, written: Option<R>) -> Result<Option<u64>, StateFailure> {
        match written {
            Some(record) => {
                let version = record.version();
                // The pending value was the base of this one.
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

    /// Reports whether a commit has something to write.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes the writes to commit, in the order of their keys.
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

    /// Ends one write of a commit. `written` is the new record; `None` if another call was faster.
    ///
    /// # Errors
    /// [`StateFailure::Conflict`] if another call was faster: no further write may follow.
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

    /// Marks the transaction as failed, and returns the failure: from now on a commit writes nothing.
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
