//! Holds the description to what is really said, and the copy of it that the packages are
//! made from to the description. Enters: JSON. Leaves: whether a schema fits it, to the
//! last field.

use serde_json::{Map, Value};

use crate::config::Dialects;
use crate::http;

/// From which `npm run wire` makes the types of `@milepost/client`.
const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packages/client/openapi.json");

/// After a change: `UPDATE_OPENAPI=1 cargo test --workspace --lib openapi`, and then
/// `npm run wire -w packages/client`.
#[test]
fn the_copy_of_the_openapi_description_is_what_is_served() {
    let mut text = description();
    text.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(COPY, &text).unwrap();
    }
    let copy = std::fs::read_to_string(COPY).unwrap_or_default();
    assert!(copy == text, "packages/client/openapi.json is of another version");
}

fn description() -> String {
    let (_, api, _) = http::described(crate::dialect::routes(&Dialects::default()));
    api.to_pretty_json().unwrap()
}

/// The described schemas.
pub struct Schemas(Value);

/// An object as one schema describes it.
#[derive(Clone, Default)]
struct Shape<'a> {
    properties: Map<String, Value>,
    required: Vec<&'a str>,
}

impl Schemas {
    /// Those of this server.
    pub fn served() -> Self {
        Self(serde_json::from_str(&description()).unwrap())
    }

    /// Whether `value` is what the schema `name` says: nothing more and nothing less.
    pub fn describe(&self, name: &str, value: &Value) -> bool {
        self.fits(&self.0["components"]["schemas"][name], value)
    }

    /// The words that a schema lists.
    pub fn words(&self, name: &str) -> Vec<Value> {
        self.0["components"]["schemas"][name]["enum"].as_array().unwrap().clone()
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        if let Some(schema) = self.meant(schema) {
            return self.fits(schema, value);
        }
        if let Some(any) = schema["oneOf"].as_array()
            && any.iter().any(|one| self.fits(one, value))
        {
            return true;
        }
        if let (Value::Object(fields), true) = (value, is_shape(schema)) {
            return self.shapes(schema).iter().any(|shape| self.has(shape, fields));
        }
        if schema.get("oneOf").is_some() {
            return false;
        }
        let words = schema["enum"].as_array();
        if words.is_some_and(|words| !words.contains(value)) {
            return false;
        }
        let kinds: Vec<_> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        kinds.is_empty() || kinds.iter().any(|kind| self.is(kind, schema, value))
    }

    fn is(&self, kind: &str, schema: &Value, value: &Value) -> bool {
        match (kind, value) {
            ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("string", Value::String(_)) => {
                true
            }
            ("number", Value::Number(_)) => true,
            ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
            ("array", Value::Array(items)) => {
                items.iter().all(|item| self.fits(&schema["items"], item))
            }
            ("object", Value::Object(fields)) => {
                let others = &schema["additionalProperties"];
                fields.values().all(|value| self.fits(others, value))
            }
            _ => false,
        }
    }

    fn has(&self, shape: &Shape<'_>, fields: &Map<String, Value>) -> bool {
        shape.required.iter().all(|name| fields.contains_key(*name))
            && fields.iter().all(|(name, value)| {
                shape.properties.get(name).is_some_and(|schema| self.fits(schema, value))
            })
    }

    /// Every shape that an object may have.
    fn shapes<'a>(&'a self, schema: &'a Value) -> Vec<Shape<'a>> {
        if let Some(schema) = self.meant(schema) {
            return self.shapes(schema);
        }
        if let Some(any) = schema["oneOf"].as_array() {
            return any.iter().flat_map(|one| self.shapes(one)).collect();
        }
        if let Some(all) = schema["allOf"].as_array() {
            return all.iter().fold(vec![Shape::default()], |so_far, part| {
                let parts = self.shapes(part);
                so_far.iter().flat_map(|shape| parts.iter().map(|part| shape.with(part))).collect()
            });
        }
        let required = schema["required"].as_array().into_iter().flatten();
        vec![Shape {
            properties: schema["properties"].as_object().cloned().unwrap_or_default(),
            required: required.filter_map(Value::as_str).collect(),
        }]
    }

    /// What a reference means.
    fn meant(&self, schema: &Value) -> Option<&Value> {
        self.0.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
    }
}

impl Shape<'_> {
    fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.properties.extend(other.properties.clone());
        both.required.extend(&other.required);
        both
    }
}

fn is_shape(schema: &Value) -> bool {
    ["properties", "allOf", "oneOf"].iter().any(|word| schema.get(word).is_some())
}
