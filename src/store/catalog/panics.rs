//! Keeps the panics of redb from the rest of the node.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use redb::{Database, ReadTransaction};

use crate::store::error::CatalogError;

/// Works on a database. A panic of redb, which only a damaged file or a defect can cause, is an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, CatalogError>) -> Result<T, CatalogError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(CatalogError::Panicked))
}

/// Closes a database.
pub(super) fn close(database: Option<Database>) {
    // Closing reports no failure either: what was committed is durable, and the next opening looks at the rest.
    drop(catch_unwind(AssertUnwindSafe(|| drop(database))));
}

/// Ends a look at a database, which may have failed since.
pub(super) fn close_reader(reader: ReadTransaction) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(reader))));
}

/// Gives up a database that has failed. At its close redb makes a commit, unless its thread unwinds: with a list of
/// free pages that is not the right one, the commit would write over pages that are in use, or panic. After a panic
/// inside redb each further one may end the process, so nothing of the database is touched any more: its memory is
/// lost, once for each damaged catalog that is set aside.
pub(super) fn abandon(database: Option<Database>, error: &CatalogError) {
    if matches!(error, CatalogError::Panicked) {
        return std::mem::forget(database);
    }
    drop(catch_unwind(AssertUnwindSafe(|| {
        let _dropped_last = database;
        resume_unwind(Box::new("the database is given up"));
    })));
}
