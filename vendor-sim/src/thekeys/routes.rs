//! The routes of the API.

use serde_json::{Value, json};

use super::form::CodeForm;
use super::model::{Lock, Share, show_accessory};
use super::{TheKeysSim, envelope};
use crate::operation::Operation;
use crate::web::{self, Answer, Call};

impl TheKeysSim {
    pub(super) fn answer(&mut self, call: &Call<'_>) -> Answer {
        match call.operation {
            Operation::GetUser => self.user(call),
            Operation::ListCodes => self.list(call),
            Operation::CreateCode => self.create(call),
            Operation::UpdateCode => self.update(call),
            Operation::DeleteCode => self.delete(call),
            Operation::GetAccessory => self.accessory(call),
            Operation::GetLock => match self.locks.get(&call.id(5).unwrap_or_default()) {
                Some(lock) if lock.foreign => forbidden(),
                lock => good(lock.map_or(Value::Null, Lock::show)),
            },
            Operation::RemoteOpen | Operation::RemoteClose => {
                match self.locks.get(&call.id(5).unwrap_or_default()) {
                    Some(lock) if lock.foreign => forbidden(),
                    Some(_) => Answer { applied: true, ..good(Value::Null) },
                    None => missing(),
                }
            }
            _ => Answer::read(web::html_status(404)),
        }
    }

    fn user(&self, call: &Call<'_>) -> Answer {
        if call.segment(5) != self.config.username {
            return good(Value::Null);
        }
        let locks: Vec<Value> = self.locks.values().filter(|lock| !lock.foreign).map(Lock::show).collect();
        let mut user = json!({"id": 1, "username": self.config.username, "prenom": "Olga", "nom": "Owner"});
        user["serrures"] = Value::Array(locks);
        good(user)
    }

    fn list(&self, call: &Call<'_>) -> Answer {
        let Some(lock) = call.id(6).and_then(|id| self.locks.get(&id)) else { return good(Value::Null) };
        if lock.foreign {
            return forbidden();
        }
        let shares: Vec<Value> = self
            .shares
            .values()
            .filter(|share| share.lock == lock.id)
            .map(|share| share.show(lock.accessory(&share.id_accessoire), self.config.hour_shape))
            .collect();
        let mut lists = json!({"partages_utilisateur": [], "partages_demande": []});
        lists["partages_accessoire"] = Value::Array(shares);
        good(lists)
    }

    fn accessory(&self, call: &Call<'_>) -> Answer {
        let wanted = call.id(5).unwrap_or_default();
        let mut all = self.locks.values().filter(|lock| !lock.foreign).flat_map(|lock| &lock.accessories);
        good(all.find(|each| each.id == wanted).map_or(Value::Null, show_accessory))
    }

    fn create(&mut self, call: &Call<'_>) -> Answer {
        let Some(lock) = call.id(5).and_then(|id| self.locks.get(&id)) else { return missing() };
        if lock.foreign {
            return forbidden();
        }
        // Only the public id is taken here; the number of the accessory is not.
        let Some(accessory) = lock.accessory(&call.segment(7)) else { return missing() };
        let (lock, id_accessoire) = (lock.id, accessory.id_accessoire.clone());
        let form = CodeForm::parse(call);
        if !form.errors.is_empty() {
            return invalid(&form.errors);
        }
        let id = self.next_share();
        let code = form.code.clone().unwrap_or_else(|| format!("{:04}", (id * 7919) % 10_000));
        let share = form.share(id, lock, id_accessoire, code);
        if let Some(refusal) = self.refuses(&share) {
            return invalid(&[refusal]);
        }
        let data = json!({"id": id, "code": share.code});
        self.store(call.now, share);
        Answer { applied: true, ..good(data) }
    }

    fn update(&mut self, call: &Call<'_>) -> Answer {
        let Some(old) = call.id(6).and_then(|id| self.shares.get(&id)) else { return missing() };
        if self.locks.get(&old.lock).is_some_and(|lock| lock.foreign) {
            return forbidden();
        }
        let (id, lock, id_accessoire) = (old.id, old.lock, old.id_accessoire.clone());
        let form = CodeForm::parse(call);
        if !form.errors.is_empty() {
            return invalid(&form.errors);
        }
        let Some(code) = form.code.clone() else {
            return invalid(&["code: This value should not be blank.".to_owned()]);
        };
        let share = form.share(id, lock, id_accessoire, code);
        if let Some(refusal) = self.refuses(&share) {
            return invalid(&[refusal]);
        }
        let data = json!({"id": id, "code": share.code});
        self.store(call.now, share);
        Answer { applied: true, ..good(data) }
    }

    fn delete(&mut self, call: &Call<'_>) -> Answer {
        let Some(share) = call.id(6).and_then(|id| self.shares.get(&id)) else { return missing() };
        if self.locks.get(&share.lock).is_some_and(|lock| lock.foreign) {
            return forbidden();
        }
        let id = share.id;
        self.remove_share(call.now, id);
        Answer { applied: true, ..good(Value::Null) }
    }

    /// Why the keypad would not take this code, where the lock is set to be strict.
    fn refuses(&self, share: &Share) -> Option<String> {
        let lock = self.locks.get(&share.lock)?;
        let others: Vec<&Share> = self
            .shares
            .values()
            .filter(|other| other.lock == share.lock && other.id_accessoire == share.id_accessoire)
            .filter(|other| other.id != share.id)
            .collect();
        if lock.refuse_duplicates && others.iter().any(|other| other.code == share.code) {
            return Some("code: This value is already used.".to_owned());
        }
        let is_new = !self.shares.contains_key(&share.id);
        (is_new && lock.capacity.is_some_and(|most| others.len() >= most))
            .then(|| "accessoire: The maximum number of codes is reached.".to_owned())
    }
}

fn good(data: Value) -> Answer {
    Answer::read(envelope(200, 200, data, &[], &[]))
}

fn missing() -> Answer {
    Answer::read(envelope(200, 404, Value::Null, &["Not found"], &[]))
}

fn forbidden() -> Answer {
    Answer::read(envelope(403, 403, Value::Null, &["Access denied"], &[]))
}

fn invalid(form: &[String]) -> Answer {
    Answer::read(envelope(200, 400, Value::Null, &[], form))
}
