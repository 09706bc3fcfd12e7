// SPDX-License-Identifier: Apache-2.0
//! The tojson filter as transformers defines it: Python's json.dumps with ensure_ascii off, so
//! nothing is escaped for HTML and separators carry a space.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};

struct Style {
    indent: Option<usize>,
    ensure_ascii: bool,
    sort_keys: bool,
    item_separator: String,
    key_separator: String,
}

// Deeper values than a JSON parser accepts come only from templates that build them.
const DEPTH_MAX: usize = 128;

pub fn tojson(value: Value, indent: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    let by_name: Option<Value> = options.get("indent")?;
    let indent = match by_name.or(indent) {
        Some(indent) if !indent.is_none() => Some(usize::try_from(indent)?.min(16)),
        _ => None,
    };
    let separators: Option<Value> = options.get("separators")?;
    let (mut item_separator, mut key_separator) =
        (if indent.is_some() { "," } else { ", " }.to_string(), ": ".to_string());
    if let Some(pair) = separators.filter(|pair| !pair.is_none()) {
        item_separator = pair.get_item_by_index(0)?.to_string();
        key_separator = pair.get_item_by_index(1)?.to_string();
    }
    let style = Style {
        indent,
        ensure_ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
        item_separator,
        key_separator,
    };
    options.assert_all_used()?;
    let mut json = String::new();
    write_value(&mut json, &value, &style, 0)?;
    Ok(Value::from_safe_string(json))
}

fn write_value(json: &mut String, value: &Value, style: &Style, depth: usize) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::new(ErrorKind::InvalidOperation, "tojson: value is nested too deeply"));
    }
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => json.push_str("null"),
        ValueKind::Bool => json.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => json.push_str(&value.to_string()),
        ValueKind::String => write_string(json, value.as_str().unwrap_or(""), style),
        ValueKind::Map => {
            let mut keys: Vec<Value> = value.try_iter()?.collect();
            if style.sort_keys {
                keys.sort();
            }
            write_items(json, style, depth, ('{', '}'), keys.len(), |json, index| {
                write_string(json, &keys[index].to_string(), style);
                json.push_str(&style.key_separator);
                write_value(json, &value.get_item(&keys[index])?, style, depth + 1)
            })?;
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            write_items(json, style, depth, ('[', ']'), items.len(), |json, index| {
                write_value(json, &items[index], style, depth + 1)
            })?;
        }
        _ => return Err(Error::new(ErrorKind::InvalidOperation, "tojson: value is no JSON")),
    }
    Ok(())
}

fn write_items(
    json: &mut String,
    style: &Style,
    depth: usize,
    brackets: (char, char),
    count: usize,
    mut write_item: impl FnMut(&mut String, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    let new_line = |json: &mut String, depth: usize| {
        if let Some(indent) = style.indent {
            json.push('\n');
            json.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    json.push(brackets.0);
    for index in 0..count {
        if index > 0 {
            json.push_str(&style.item_separator);
        }
        new_line(json, depth + 1);
        write_item(json, index)?;
    }
    if count > 0 {
        new_line(json, depth);
    }
    json.push(brackets.1);
    Ok(())
}

fn write_string(json: &mut String, text: &str, style: &Style) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            c if (c as u32) < 0x20 || (style.ensure_ascii && !c.is_ascii()) => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    json.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => json.push(c),
        }
    }
    json.push('"');
}
