//! The fields of a call, whether they came as JSON or as a form.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::web::{self, Call, truthy};

/// Values by name; a single value is a list of one.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, Vec<String>>);

impl Fields {
    /// Nothing where the body is neither.
    pub(super) fn parse(call: &Call<'_>) -> Option<Self> {
        let mut fields = Self::default();
        if call.body.is_empty() {
            return Some(fields);
        }
        if call.is_type("application/json") {
            let Ok(Value::Object(object)) = serde_json::from_slice(call.body) else { return None };
            for (key, value) in object {
                let values = match &value {
                    Value::Array(items) => items.iter().filter_map(scalar).collect(),
                    other => scalar(other).into_iter().collect(),
                };
                fields.0.insert(key, values);
            }
            return Some(fields);
        }
        for (key, value) in web::pairs(std::str::from_utf8(call.body).ok()?) {
            let name = key.split('[').next().unwrap_or_default().to_owned();
            fields.0.entry(name).or_default().push(value);
        }
        Some(fields)
    }

    pub(super) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.one(key).is_some_and(truthy)
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
