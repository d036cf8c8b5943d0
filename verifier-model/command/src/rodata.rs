// SPDX-License-Identifier: GPL-2.0-only
//! Variables as `bpftool map dump` writes them.
//!
//! ```text
//! [{"value":{".rodata":[{"pid":7},{"name":"abc"}]}}]                         by their types
//! [{"key":["0x00",…],"value":["0x07",…]}]                                    by bytes alone
//! [{"key":[…],"value":["0x07",…],"formatted":{"value":{".rodata":[…]}}}]     both: -j, with BTF
//! ```

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use bpf::load::Object;
use serde_json::Value;

/// Sets the variables that a file has.
pub(crate) fn read(path: &Path, object: &mut Object) -> Result<()> {
    let text = std::fs::read_to_string(path)?;
    let dump: Value = serde_json::from_str(&text)
        .context("this is no JSON; `bpftool -j map dump name MAP` writes it")?;
    set(&dump, object)
}

fn set(dump: &Value, object: &mut Object) -> Result<()> {
    let elements = dump.as_array().map(Vec::as_slice);
    let elements = elements.or_else(|| dump.get("elements")?.as_array().map(Vec::as_slice));
    let Some([element]) = elements else {
        bail!("a map of variables has one element, and this is no dump of one");
    };
    let typed = element
        .get("formatted")
        .and_then(|formatted| formatted.get("value"))
        .or(element.get("value").filter(|value| value.is_object()));
    if let Some(sections) = typed.and_then(Value::as_object) {
        ensure!(!sections.is_empty(), "the dump has no variables");
        for (section, variables) in sections {
            let variables = variables.as_array();
            let variables = variables.with_context(|| format!("'{section}' is no list"))?;
            for (name, value) in variables.iter().filter_map(Value::as_object).flatten() {
                set_value(object, name, value)?;
            }
        }
        return Ok(());
    }
    let bytes = element.get("value").and_then(Value::as_array);
    let bytes = bytes.context("the element has no value")?;
    let byte = |byte: &Value| {
        let digits = byte.as_str()?.strip_prefix("0x")?;
        u8::from_str_radix(digits, 16).ok()
    };
    let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
    let bytes = bytes.context("the value is no list of bytes such as \"0x2a\"")?;
    Ok(object.set_data(".rodata", &bytes)?)
}

fn set_value(object: &mut Object, name: &str, value: &Value) -> Result<()> {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                // Members of an anonymous structure are told within one without a name.
                let inner = match member.is_empty() {
                    true => name.to_owned(),
                    false => format!("{name}.{member}"),
                };
                set_value(object, &inner, value)?;
            }
            Ok(())
        }
        Value::Array(elements) => {
            for (i, value) in elements.iter().enumerate() {
                set_value(object, &format!("{name}[{i}]"), value)?;
            }
            Ok(())
        }
        Value::String(text) => set_text(object, name, text),
        Value::Bool(value) => Ok(object.set_variable(name, if *value { "1" } else { "0" })?),
        Value::Number(number) => Ok(object.set_variable(name, &number.to_string())?),
        // A pointer that is none.
        Value::Null => Ok(object.set_variable(name, "0")?),
    }
}

/// A text is a number in hexadecimal, an enumerator, a character, or all characters of an array.
fn set_text(object: &mut Object, name: &str, text: &str) -> Result<()> {
    let number = match text {
        "(nil)" => "0",
        text => text,
    };
    let whole = object.set_variable(name, number);
    let Err(why) = whole else {
        return Ok(());
    };
    let mut chars = text.chars();
    if let (Some(only), None) = (chars.next(), chars.next())
        && object
            .set_variable(name, &u32::from(only).to_string())
            .is_ok()
    {
        return Ok(());
    }
    for (i, byte) in text.bytes().enumerate() {
        let element = object.set_variable(&format!("{name}[{i}]"), &byte.to_string());
        if element.is_err() {
            return Err(why.into());
        }
    }
    // What is behind the text is zero, whatever the object has there.
    for i in text.len().. {
        if object.set_variable(&format!("{name}[{i}]"), "0").is_err() {
            break;
        }
    }
    Ok(())
}
