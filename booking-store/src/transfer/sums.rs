//! What a table holds, in one number: of the values themselves, whichever way a database stores or seals them.

use booking_core::store::StoreError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Layout, Value};
use crate::columns::Shared;

/// A table of a store: how many rows, and their checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableSum {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// The checksum of all their values, opened where they are sealed. It is made with a key of the store's, since one
    /// without would let digits be guessed.
    pub sum: String,
}

impl TableSum {
    pub(crate) fn of((table, rows, sum): &(String, u64, String)) -> Self {
        Self { table: table.clone(), rows: *rows, sum: sum.clone() }
    }
}

/// The sum of a table as it grows. It does not depend on the order of the rows: of some, databases have another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    all: [u8; 16],
}

impl Sum {
    pub(crate) fn add(&mut self, shared: &Shared, layout: &Layout, row: &[Value]) -> Result<(), StoreError> {
        let of_row = of_row(shared, layout, row)?;
        // No row is there twice, so that none cancels another.
        self.all.iter_mut().zip(of_row).for_each(|(all, byte)| *all ^= byte);
        self.rows += 1;
        Ok(())
    }

    pub(crate) fn shown(&self) -> String {
        self.all.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn keyed(shared: &Shared, what: &str) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&*shared.claim_key).expect("an HMAC takes keys of any length");
    mac.update(b"staykey transfer\0");
    mac.update(what.as_bytes());
    mac.update(&[0]);
    mac
}

/// What a store is known by, wherever it is.
pub(crate) fn name_of(shared: &Shared) -> String {
    keyed(shared, "").finalize().into_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_row(shared: &Shared, layout: &Layout, row: &[Value]) -> Result<[u8; 16], StoreError> {
    let mut mac = keyed(shared, layout.table);
    for (index, value) in row.iter().enumerate() {
        match layout.sealed.filter(|sealed| sealed.at == index) {
            Some(_) if *value == Value::Null => update(&mut mac, b'n', &[]),
            Some(_) => update(&mut mac, b's', &open(shared, layout, row)?),
            None => plain(&mut mac, value),
        }
    }
    let mut sum = [0; 16];
    sum.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    Ok(sum)
}

/// The opened value of a row's sealed column.
fn open(shared: &Shared, layout: &Layout, row: &[Value]) -> Result<zeroize::Zeroizing<Vec<u8>>, StoreError> {
    let strange = || StoreError::Damaged(format!("a row of {} is not as its table", layout.table));
    let sealed = layout.sealed.ok_or_else(strange)?;
    let text = |index: usize| match row.get(index) {
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(Value::Int(number)) => Ok(number.to_string()),
        _ => Err(strange()),
    };
    let tenant = sealed.tenant.map_or(Ok(String::new()), text)?;
    let Some(Value::Bytes(bytes)) = row.get(sealed.at) else { return Err(strange()) };
    shared.seals.open(sealed.column.place(&tenant, &text(sealed.id)?), bytes)
}

fn plain(mac: &mut Hmac<Sha256>, value: &Value) {
    match value {
        Value::Null => update(mac, b'n', &[]),
        Value::Int(number) => update(mac, b'i', &number.to_be_bytes()),
        // As PostgreSQL keeps it.
        Value::Text(text) => update(mac, b't', text.replace('\0', "\u{FFFD}").as_bytes()),
        Value::Bytes(bytes) => update(mac, b'b', bytes),
    }
}

fn update(mac: &mut Hmac<Sha256>, kind: u8, bytes: &[u8]) {
    mac.update(&[kind]);
    mac.update(&(bytes.len() as u64).to_be_bytes());
    mac.update(bytes);
}
