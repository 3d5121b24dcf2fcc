//! Rows as a database keeps them: what is read is written in the same way, and what cannot be read is called damaged.

use booking_core::Secret;
use booking_core::store::{Kind, Record, StoreError, StoredRecord};

use crate::rig::{choice, line};

/// A byte for the table, a line of what is readable, and after it what is sealed.
pub(crate) fn records(data: &[u8]) {
    let (kind, rest) = choice(data, Kind::ALL.len());
    let (plain, sealed) = line(rest);
    let (Ok(plain), Ok(sealed)) = (std::str::from_utf8(plain), std::str::from_utf8(sealed)) else { return };
    let kind = Kind::ALL[kind];
    let sealed = (!sealed.is_empty()).then(|| Secret::new(sealed));
    match Record::from_stored(kind, &StoredRecord { plain: plain.to_owned(), sealed }) {
        Ok(record) => {
            assert_eq!(record.key().kind, kind);
            let written = record.to_stored().expect("what was read can be written");
            let again = Record::from_stored(kind, &written).expect("what was written can be read");
            assert_eq!(again, record);
            assert_eq!(again.to_stored().unwrap(), written, "one spelling");
        }
        Err(StoreError::Damaged(what)) => {
            assert!(what.starts_with("a record cannot be read: ") && what.len() < 60, "{what}");
        }
        Err(error) => panic!("{error}"),
    }
}
