//! The account as a [`LockProvider`].

use async_trait::async_trait;
use booking_core::{
    Call, CodeSpec, Door, DoorCodes, DoorRules, Fault, FoundDoor, ListedCode, LockError, LockProvider,
    Marker, Outcome, Proof, Retry, TimeSemantics, VendorCodeId, VendorError,
};
use chrono::{Days, NaiveDateTime, NaiveTime};

use crate::client::{Failed, TheKeys};
use crate::request::{Address, NAME_LEN, NumericId};
use crate::wire::Lock;

/// The digits that the seed system used in production.
const STORED_LEN: u8 = 4;

#[async_trait]
impl LockProvider for TheKeys {
    fn rules(&self, door: &Door) -> DoorRules {
        let mut rules = DoorRules::new(door.pin_length.unwrap_or(STORED_LEN));
        rules.prefix = door.pin_prefix.clone();
        rules.name_len = NAME_LEN;
        rules.time = TimeSemantics::LocalWallTime;
        rules.past_start = self.config.past_start;
        rules.same_pin_twice = self.config.same_pin_twice;
        // Nothing in the cloud tells that a keypad has a code.
        rules.highest_proof = Proof::Listed;
        rules.settle = self.config.settle;
        rules
    }

    async fn doors(&self, call: Call) -> Result<Vec<FoundDoor>, LockError> {
        let locks = self.locks(call).await?;
        if locks.locks.is_empty() && locks.unreadable > 0 {
            return Err(VendorError::unreadable("thekeys: none of the account's locks can be read")
                .of_read()
                .into());
        }
        let found = locks.locks.iter().flat_map(|lock| {
            lock.keypads.iter().filter_map(|keypad| {
                let key = Address::parse(&lock.id, &keypad.id).ok()?.key();
                let names = [lock.name.trim(), keypad.name.trim()];
                let name = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
                Some(FoundDoor { key, name, zone: lock.zone.clone() })
            })
        });
        Ok(found.collect())
    }

    async fn codes(&self, call: Call, door: &Door) -> Result<DoorCodes, LockError> {
        let shares = self.shares(call, door).await?;
        Ok(DoorCodes { complete: shares.complete(), codes: shares.codes })
    }

    async fn create(&self, call: Call, door: &Door, code: &CodeSpec) -> Result<VendorCodeId, LockError> {
        let address = self.admit(call, door, code).await?;
        match self.post_create(call, &address, code).await {
            Ok(id) => Ok(id),
            Err(Failed::NotFound { .. }) => Err(VendorError::configuration(format!(
                "the vendor knows no keypad {} on lock {}",
                address.keypad, address.lock
            ))
            .into()),
            Err(Failed::Refused(error)) => Err(self.explain(call, door, None, code, error).await),
            Err(Failed::Error(error)) => Err(error.into()),
        }
    }

    async fn replace(
        &self,
        call: Call,
        door: &Door,
        id: &VendorCodeId,
        code: &CodeSpec,
    ) -> Result<(), LockError> {
        let Some(number) = NumericId::of(id) else { return Err(LockError::NoSuchCode) };
        let address = self.admit(call, door, code).await?;
        match self.post_update(call, &address, &number, code).await {
            Ok(true) => Ok(()),
            Ok(false) => self.confirm(call, door, id).await,
            Err(Failed::NotFound { .. }) => Err(LockError::NoSuchCode),
            Err(Failed::Refused(error)) => Err(self.explain(call, door, Some(id), code, error).await),
            Err(Failed::Error(error)) => Err(error.into()),
        }
    }

    async fn delete(&self, call: Call, door: &Door, id: &VendorCodeId) -> Result<(), LockError> {
        // The lock's zone does not matter here: a removal has no times.
        let address = Address::of(&door.key)?;
        let Some(number) = NumericId::of(id) else { return Err(LockError::NoSuchCode) };
        match self.post_delete(call, &address, &number).await {
            // Not found by a second attempt: the first has done it.
            Ok(()) | Err(Failed::NotFound { repeated: true }) => Ok(()),
            Err(Failed::NotFound { repeated: false }) => Err(LockError::NoSuchCode),
            Err(Failed::Refused(error) | Failed::Error(error)) => Err(error.into()),
        }
    }

    async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.locks(call).await.map(|_| ())
    }

    fn shows(&self, _: &Door, listed: &ListedCode, spec: &CodeSpec) -> bool {
        let (start, end) = spec.window.wall();
        listed.active
            // This vendor masks nothing, so digits that are not shown are digits that we do not know.
            && listed.stored.as_ref() == Some(&spec.stored)
            && self.same_time(listed.start, start, start.date())
            && self.same_time(listed.end, end, end.date() + Days::new(1))
            && Marker::find_all(&listed.note) == Marker::find_all(&spec.note)
    }
}

impl TheKeys {
    /// Everything that must hold before a code with times is written.
    async fn admit(&self, call: Call, door: &Door, code: &CodeSpec) -> Result<Address, VendorError> {
        let address = Address::of(&door.key)?;
        if !self.rules(door).allow(&code.stored) {
            let detail = "the digits do not fit the door's rules";
            return Err(VendorError::new(Fault::Request, Retry::Never, Outcome::NotApplied, detail));
        }
        if code.window.zone().name() != door.zone.name() {
            let detail = format!(
                "a window in {} for lock {}, whose unit is in {}",
                code.window.zone().name(),
                address.lock,
                door.zone.name()
            );
            return Err(VendorError::configuration(detail));
        }
        let lock = self.keypad(call, &address).await?;
        self.same_zone(door, &lock)?;
        Ok(address)
    }

    /// The vendor takes times without a zone; most likely the lock's own is meant.
    fn same_zone(&self, door: &Door, lock: &Lock) -> Result<(), VendorError> {
        let Some(zone) = &lock.zone else { return Ok(()) };
        let alias =
            self.config.accept_time_zone.iter().any(|alias| alias.lock == *zone && alias.unit == door.zone);
        if zone == door.zone.name() || alias {
            return Ok(());
        }
        // Only what is a zone's name is repeated.
        let shown = zone.parse::<chrono_tz::Tz>().map_or("an unknown zone", |zone| zone.name());
        Err(VendorError::configuration(format!(
            "lock {} is in {shown}, its unit in {}: correct either, or see accept_time_zone",
            lock.id,
            door.zone.name()
        )))
    }

    /// After an update that was answered with nothing: was there such a code?
    async fn confirm(&self, call: Call, door: &Door, id: &VendorCodeId) -> Result<(), LockError> {
        let unknown = |mut error: VendorError| {
            error.outcome = Outcome::Unknown;
            error
        };
        let shares = self.shares(call, door).await.map_err(unknown)?;
        let listed = shares.codes.iter().any(|code| code.id == *id)
            || shares.unreadable.iter().any(|share| share.id.as_ref() == Some(id));
        if listed {
            Ok(())
        } else if shares.complete() {
            Err(LockError::NoSuchCode)
        } else {
            Err(VendorError::unreadable(
                "thekeys: an update was answered with nothing, and the list is incomplete",
            )
            .into())
        }
    }

    /// The vendor's words for a refusal are not known, so the list is asked what stands in the way.
    async fn explain(
        &self,
        call: Call,
        door: &Door,
        id: Option<&VendorCodeId>,
        code: &CodeSpec,
        refusal: VendorError,
    ) -> LockError {
        if refusal.outcome == Outcome::Unknown {
            return refusal.into();
        }
        let Ok(shares) = self.shares(call, door).await else { return refusal.into() };
        let taken = shares
            .codes
            .iter()
            .any(|other| Some(&other.id) != id && other.stored.as_ref() == Some(&code.stored));
        let gone = id.is_some_and(|id| shares.complete() && !shares.codes.iter().any(|code| code.id == *id));
        match (gone, taken) {
            (true, _) => LockError::NoSuchCode,
            (false, true) => LockError::DuplicatePin,
            (false, false) => refusal.into(),
        }
    }

    /// Whether a listed time is the one that is wanted; `whole` is the day as which a time without an hour is listed.
    fn same_time(
        &self,
        listed: Option<NaiveDateTime>,
        wanted: NaiveDateTime,
        whole: chrono::NaiveDate,
    ) -> bool {
        let hour_missing = self.config.accept_missing_hours && listed == Some(whole.and_time(NaiveTime::MIN));
        listed == Some(wanted) || hour_missing
    }
}
