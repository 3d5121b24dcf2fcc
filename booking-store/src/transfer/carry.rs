//! From an SQLite file into a PostgreSQL database, with nothing lost.
//!
//! Rows are carried as they are. Sealed values stay sealed: both databases bind them to the same places, so that they
//! open in the target with the keys with which they opened in the source. The key of the claims comes along. All that
//! was carried is read again in the target, opened, and compared by checksums; only then may a host open it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use booking_core::Rng;
use booking_core::store::StoreError;

use super::sums::{Sum, name_of};
use super::{Layout, Record, TableSum, TransferError, Value};
use crate::columns::{self, Shared};
use crate::postgres::{PostgresUrl, Target};
use crate::seal::{Keys, Seals};
use crate::sqlite::Source;

/// What a transfer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The source is read and summed up.
    Reading,
    /// Rows are carried.
    Copying,
    /// The target is read and compared.
    Checking,
}

/// How far a transfer is: told before each table, and after each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What it is doing.
    pub step: Step,
    /// In which table.
    pub table: &'static str,
    /// How many rows of all tables are done.
    pub rows: u64,
    /// How many there are.
    pub of: u64,
}

/// A store that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// What is in the target, as it was in the source.
    pub tables: Vec<TableSum>,
    /// Whether it had been moved before, and nothing was done.
    pub before: bool,
}

type Watch<'w> = &'w mut (dyn FnMut(Progress) -> ControlFlow<()> + Send);

/// Moves a store from an SQLite file into an empty PostgreSQL database, `batch` rows in one transaction. The file is
/// only read, and kept from hosts meanwhile; no host opens the database before all is there.
///
/// Interrupted in any way, another call goes on where this one was. `watch` is told how far it is, and may end it
/// between two batches. It blocks while it reads the file.
///
/// # Errors
///
/// [`TransferError::Refused`] where a host has the file open, the database is not empty (unless an earlier transfer of
/// the same store left it so), the file has changed since an earlier transfer began, or a schema is not of this version;
/// [`TransferError::Store`] where one of them cannot be read or written, or a value does not open with `keys`.
pub async fn move_store(
    from: &Path,
    to: &PostgresUrl,
    keys: Keys,
    rng: Arc<dyn Rng>,
    batch: usize,
    watch: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
) -> Result<Moved, TransferError> {
    let source = Source::open(from)?;
    let locks = source.locks()?;
    let seals = Seals::new(keys, rng);
    if locks.locked.claim_key.is_none() {
        return Err(TransferError::refused(
            "the source holds no store yet",
            "name the file that hosts work on",
        ));
    }
    let (claim_key, _) = columns::unlock(&seals, &locks.locked)?;
    let shared = Shared { seals, claim_key };
    let mut target = Target::open(to).await?;
    let layouts = Layout::of_all(&source.schema()?, &target.schema().await?)?;
    let mut carry = Carry { source, target: &mut target, shared, layouts, batch: batch.max(1), of: 0 };
    carry.of = carry.count()?;

    let sums = carry.sums_of_source(watch)?;
    let name = name_of(&carry.shared);
    let known = carry.target.record().await?;
    let mut record = match known {
        None => {
            let record = Record { source: name, sums, ..Record::default() };
            carry.target.begin(&record, &locks.locked).await?;
            record
        }
        Some(record) if record.source != name => {
            return Err(TransferError::refused(
                "another store was moved, or is being moved, into this database",
                "give an empty database",
            ));
        }
        Some(record) if record.sums != sums => return Err(changed(record.done)),
        Some(record) => record,
    };
    let before = record.done;
    if !before {
        carry.copy(&mut record, watch).await?;
        carry.check(&record, watch).await?;
        carry.target.finish(&mut record, &locks).await?;
    }
    Ok(Moved { tables: record.sums.iter().map(TableSum::of).collect(), before })
}

fn changed(done: bool) -> TransferError {
    if done {
        TransferError::refused(
            "this store was moved into this database, and a host has worked on the file since",
            "what it wrote since is in the file alone: see that no host is configured with it any more, and decide \
             which of the two is right",
        )
    } else {
        TransferError::refused(
            "the file has changed since its transfer into this database began",
            "give an empty database: what is in this one is of two times",
        )
    }
}

struct Carry<'t> {
    source: Source,
    target: &'t mut Target,
    shared: Shared,
    layouts: Vec<Layout>,
    batch: usize,
    of: u64,
}

impl Carry<'_> {
    fn count(&self) -> Result<u64, StoreError> {
        self.layouts.iter().map(|layout| self.source.count(layout)).sum()
    }

    fn sums_of_source(&self, watch: Watch<'_>) -> Result<Vec<(String, u64, String)>, TransferError> {
        let (mut sums, mut rows) = (Vec::new(), 0);
        for layout in &self.layouts {
            self.tell(watch, Step::Reading, layout, rows)?;
            let (mut sum, mut after) = (Sum::default(), None);
            loop {
                let page = self.source.page(layout, after.as_deref(), self.batch)?;
                let Some(last) = page.last() else { break };
                after = Some(layout.key(last));
                for row in &page {
                    keepable(layout, row)?;
                    sum.add(&self.shared, layout, row)?;
                }
                rows += page.len() as u64;
                self.tell(watch, Step::Reading, layout, rows)?;
            }
            sums.push((layout.table.to_owned(), sum.rows, sum.shown()));
        }
        Ok(sums)
    }

    async fn copy(&mut self, record: &mut Record, watch: Watch<'_>) -> Result<(), TransferError> {
        let whole = record.sums.iter().take(record.tables).map(|(_, rows, _)| rows).sum::<u64>();
        let mut rows = whole + record.rows;
        while let Some(layout) = self.layouts.get(record.tables) {
            self.tell(watch, Step::Copying, layout, rows)?;
            let page = self.source.page(layout, record.after.as_deref(), self.batch)?;
            let mut next = record.clone();
            match page.last() {
                Some(last) => {
                    next.after = Some(layout.key(last));
                    next.rows += page.len() as u64;
                }
                None => (next.tables, next.after, next.rows) = (record.tables + 1, None, 0),
            }
            rows += page.len() as u64;
            self.target.append(layout, page, record, &next).await?;
            *record = next;
        }
        Ok(())
    }

    async fn check(&mut self, record: &Record, watch: Watch<'_>) -> Result<(), TransferError> {
        let mut rows = 0;
        for (layout, (table, wanted_rows, wanted)) in self.layouts.iter().zip(&record.sums) {
            self.tell(watch, Step::Checking, layout, rows)?;
            let (mut sum, mut after) = (Sum::default(), None);
            loop {
                let page = self.target.page(layout, after.as_deref(), self.batch).await?;
                let Some(last) = page.last() else { break };
                after = Some(layout.key(last));
                for row in &page {
                    sum.add(&self.shared, layout, row)?;
                }
                rows += page.len() as u64;
                self.tell(watch, Step::Checking, layout, rows)?;
            }
            if (sum.rows, &sum.shown()) != (*wanted_rows, wanted) {
                let text = format!(
                    "{table} did not arrive as it was: {} rows of {wanted_rows}, and another checksum",
                    sum.rows
                );
                return Err(StoreError::Damaged(text).into());
            }
        }
        Ok(())
    }

    fn tell(&self, watch: Watch<'_>, step: Step, layout: &Layout, rows: u64) -> Result<(), TransferError> {
        match watch(Progress { step, table: layout.table, rows, of: self.of }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TransferError::Interrupted),
        }
    }
}

/// PostgreSQL keeps no NUL. In what a seal or a record is bound to, nothing can stand in its place.
fn keepable(layout: &Layout, row: &[Value]) -> Result<(), TransferError> {
    let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    if layout.sealed.is_some() && layout.key(row).iter().any(has_nul) {
        return Err(TransferError::refused(
            format!("a key in {} holds a NUL, which PostgreSQL does not keep", layout.table),
            "nothing of ours makes such keys: remove the row, or stay with SQLite",
        ));
    }
    Ok(())
}
