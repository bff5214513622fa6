//! The JSON Schema of manifests.
//!
//! It is of draft 7: tombi and taplo (Even Better TOML) both judge and complete by it with no network,
//! and nothing of a newer draft is needed. Its id is a URN, as it is published nowhere yet; a path
//! finds it. Objects keep the order in which keys are documented, and so do completions. What a
//! schema cannot say (whether a name is known, which of two layers wins) is left to `check`.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::expand::profile::MODELS;
use crate::guide::unset::{Holds, holds};
use crate::manifest::keys::bible::REFERENCE;
use crate::manifest::keys::{Form, Key, Named, Needs, ROOT, Table};

/// The name of the schema's file, wherever it is written.
pub const FILE: &str = "reshoot-manifest.json";

/// What identifies the schema; the number is the version of the manifest's grammar.
const ID: &str = "urn:reshoot:manifest:1";

/// Gives the schema as text.
#[must_use]
pub fn schema() -> String {
    let mut definitions = Definitions::default();
    definitions.reach(&ROOT);
    let mut whole = vec![
        ("$schema", text("http://json-schema.org/draft-07/schema#")),
        ("$id", text(ID)),
        ("title", text("A manifest of reshoot")),
    ];
    let mut root = definitions.table(&ROOT);
    root.retain(|(name, _)| *name != "title");
    whole.append(&mut root);
    let tables = definitions.tables.iter().skip(1);
    let tables = tables.map(|table| (table.id.to_owned(), Json::Object(definitions.table(table))));
    let keys = definitions.shared.iter();
    let keys = keys.map(|(id, key)| (id.clone(), Json::Object(property_of(key))));
    whole.push(("definitions", Json::Named(tables.chain(keys).collect())));
    let mut written = serde_json::to_string_pretty(&Json::Object(whole)).unwrap_or_default();
    written.push('\n');
    written
}

type Fields = Vec<(&'static str, Json)>;

/// JSON whose objects keep their order.
#[derive(Clone, Debug)]
enum Json {
    Value(serde_json::Value),
    List(Vec<Json>),
    Object(Fields),
    Named(Vec<(String, Json)>),
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields
                    .iter()
                    .try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
            Self::Named(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields
                    .iter()
                    .try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

fn text(text: &str) -> Json {
    Json::Value(text.into())
}

fn whole(number: u32) -> Json {
    Json::Value(number.into())
}

fn texts<'t>(all: impl IntoIterator<Item = &'t str>) -> Json {
    Json::List(all.into_iter().map(text).collect())
}

/// Turns a value as TOML spells it into JSON; null if it is none, which tests rule out.
fn of_toml(value: &str) -> Json {
    let parsed: Option<toml::Table> = toml::from_str(&format!("x = {value}")).ok();
    let value = parsed.and_then(|table| serde_json::to_value(table.get("x")?).ok());
    Json::Value(value.unwrap_or_default())
}

/// The tables that are reached from the manifest, and the keys that several of them share.
#[derive(Default)]
struct Definitions {
    tables: Vec<&'static Table>,
    keys: Vec<(String, &'static Key)>,
    shared: Vec<(String, &'static Key)>,
}

impl Definitions {
    /// Collects a table and every table below it.
    fn reach(&mut self, table: &'static Table) {
        if self.tables.iter().any(|known| known.id == table.id) {
            return;
        }
        self.tables.push(table);
        let is_table = |key: &&Key| matches!(key.form, Form::Table(_));
        for key in table.keys().filter(|key| !is_table(key)) {
            match self.keys.iter().find(|(_, known)| is_same(known, key)) {
                Some((id, _)) if self.shared.iter().all(|(shared, _)| shared != id) => {
                    self.shared.push((id.clone(), key));
                }
                Some(_) => {}
                None => self.keys.push((format!("{}.{}", table.id, key.name), key)),
            }
        }
        let forms = table.keys().map(|key| key.form);
        for form in forms.chain(table.others.map(|(_, form)| form)) {
            match form {
                Form::Table(below) | Form::Tables(below) => self.reach(below),
                Form::Images | Form::Image => self.reach(&REFERENCE),
                _ => {}
            }
        }
    }

    fn table(&self, table: &'static Table) -> Fields {
        let mut fields = vec![
            ("title", text(table.header)),
            ("description", text(table.about)),
            ("type", text("object")),
        ];
        let properties: Vec<(String, Json)> = table
            .keys()
            .map(|key| (key.name.to_owned(), self.property(key)))
            .collect();
        if !properties.is_empty() {
            fields.push(("properties", Json::Named(properties)));
        }
        match table.others {
            None => fields.push(("additionalProperties", Json::Value(false.into()))),
            Some((Named::Freely, form)) => {
                fields.push(("additionalProperties", Json::Object(of_form(form))));
            }
            Some((named, form)) => {
                let one = (pattern_of(named).to_owned(), Json::Object(of_form(form)));
                fields.push(("patternProperties", Json::Named(vec![one])));
                fields.push(("additionalProperties", Json::Value(false.into())));
            }
        }
        match table.needs {
            Needs::Nothing => {}
            Needs::Something => fields.push(("minProperties", whole(1))),
            Needs::OneOf(keys) => {
                let one = |key: &&str| Json::Object(vec![("required", texts([*key]))]);
                fields.push(("oneOf", Json::List(keys.iter().map(one).collect())));
            }
        }
        fields
    }

    /// Gives what stands under a key: its schema, or where that is.
    fn property(&self, key: &'static Key) -> Json {
        if let Form::Table(_) = key.form {
            return Json::Object(of_form(key.form));
        }
        match self.shared.iter().find(|(_, known)| is_same(known, key)) {
            Some((id, _)) => Json::Object(vec![reference(id)]),
            None => Json::Object(property_of(key)),
        }
    }
}

fn property_of(key: &Key) -> Fields {
    let mut fields = vec![("description", text(&described(key)))];
    fields.append(&mut of_form(key.form));
    if let Holds::Toml(value) = holds(key.unset) {
        fields.push(("default", of_toml(&value)));
    }
    fields.push(("examples", Json::List(vec![of_toml(key.example)])));
    fields
}

/// Tells whether two keys are one and the same, known to several tables.
fn is_same(one: &Key, other: &Key) -> bool {
    one.name == other.name && one.about == other.about
}

/// Says what a key is for, as an editor shows it beside the key.
fn described(key: &Key) -> String {
    let mut parts = vec![key.about.to_owned()];
    if !key.unit.is_empty() {
        parts.push(format!("Unit: {}.", key.unit));
    }
    match holds(key.unset) {
        Holds::Toml(value) => parts.push(format!("Default: `{value}`.")),
        Holds::Told(words) => parts.push(format!("Default: {words}.")),
        Holds::Nothing => {}
    }
    if !key.becomes.is_empty() {
        parts.push(format!("In the request: {}.", key.becomes));
    }
    parts.join("\n\n")
}

fn reference(id: &str) -> (&'static str, Json) {
    ("$ref", text(&format!("#/definitions/{id}")))
}

/// The pattern of names that people make up.
///
/// Regular expressions of JSON Schema cannot name letters of all scripts alike everywhere, so this
/// one leaves out what the reader leaves out of ASCII.
const fn pattern_of(named: Named) -> &'static str {
    match named {
        Named::Freely => "",
        Named::ForPrompts => r"^[^\s!-,./:-@\[-\^`{-~]+$",
        Named::ForFiles => r"^[^\s!-,/:-@\[-\^`{-~]+$",
    }
}

/// Text with something in it.
const LINE: &str = r"\S";

/// The same without control characters.
const ONE_LINE: &str = r"^[^\u0000-\u001f\u007f]*[^\s\u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$";

/// Paths that lead out of the show's folder.
const OUTSIDE: &str = r"^[/\\~]|(^|[/\\])\.\.([/\\]|$)|^.:|[\u0000-\u001f\u007f]";

/// Dollars to the micro-dollar.
const MONEY: &str = r"^\s*\$?[0-9]+(\.[0-9]{1,6}0*)?\s*$";

/// Addresses that may be sent to: https, or this very machine.
const SECRET: &str = r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])([:/?#]|$))";

/// Addresses a picture may be had from.
const URL: &str = r"^([hH][tT][tT][pP][sS]://[^/?#@\s]+([/?#]\S*)?|http://(localhost|127\.0\.0\.1|\[::1\])([:/?#]\S*)?)$";

const UUID: &str = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

const DATA: &str = r"^data:image/[^,]*;base64,.+$";

fn of_form(form: Form) -> Fields {
    let string = |pattern: &str| vec![("type", text("string")), ("pattern", text(pattern))];
    let any_of = |forms: Vec<Fields>| {
        let forms = forms.into_iter().map(Json::Object);
        vec![("anyOf", Json::List(forms.collect()))]
    };
    let list = |items: Fields| vec![("type", text("array")), ("items", Json::Object(items))];
    match form {
        Form::Version => vec![
            ("type", text("integer")),
            ("enum", Json::List(vec![whole(1)])),
        ],
        Form::Text | Form::NameOrNone => vec![("type", text("string"))],
        Form::Line | Form::ImageFile => string(LINE),
        Form::Short(most) => {
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            let mut fields = string(ONE_LINE);
            fields.push(("maxLength", whole(most)));
            fields
        }
        Form::Folder => {
            let mut fields = string(LINE);
            let outside = Json::Object(vec![("pattern", text(OUTSIDE))]);
            fields.push(("not", outside));
            fields
        }
        Form::Words(words) => choice(words.iter().copied()),
        Form::WordsOrEmpty(words) => choice(words.iter().copied().chain([""])),
        Form::Model => choice(MODELS.iter().map(|model| model.id)),
        Form::Size => {
            let sizes = MODELS.iter().flat_map(|model| model.sizes);
            let sizes: Vec<String> = sizes.map(|s| format!("{}x{}", s.width, s.height)).collect();
            choice(sizes.iter().map(String::as_str))
        }
        Form::Whole(least, most) => {
            let mut fields = vec![("type", text("integer")), ("minimum", whole(least))];
            fields.push(("maximum", whole(most)));
            fields
        }
        Form::Money => string(MONEY),
        Form::Secret => string(SECRET),
        Form::Scalar => vec![("type", texts(["string", "integer", "number", "boolean"]))],
        Form::Axis => {
            let mut fields = list(of_form(Form::Scalar));
            fields.push(("minItems", whole(1)));
            fields.push(("uniqueItems", Json::Value(true.into())));
            fields
        }
        Form::Lines => list(of_form(Form::Line)),
        Form::LineOrLines => any_of(vec![of_form(Form::Line), of_form(Form::Lines)]),
        Form::Images => any_of(vec![of_form(Form::Text), list(of_form(Form::Image))]),
        Form::Image => any_of(vec![string(LINE), vec![reference(REFERENCE.id)]]),
        Form::ImageUrl => string(URL),
        Form::ImageUuid => string(UUID),
        Form::ImageData => string(DATA),
        Form::Table(table) => vec![reference(table.id)],
        Form::Tables(table) => list(vec![reference(table.id)]),
    }
}

fn choice<'w>(words: impl IntoIterator<Item = &'w str>) -> Fields {
    vec![("type", text("string")), ("enum", texts(words))]
}
