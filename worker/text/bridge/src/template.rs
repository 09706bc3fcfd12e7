// SPDX-License-Identifier: Apache-2.0
//! Chat templates as transformers runs them (Jinja with trim_blocks, lstrip_blocks, loop controls,
//! Python's string methods), bounded in instructions, recursion and output.

use crate::tokenizer::Tokenizer;
use crate::tojson::tojson;
use crate::{answer, strftime, Buffer, Failure, Slice};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::io;

pub struct Template {
    environment: Environment<'static>,
    source: String,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RenderLimits {
    fuel: u64,
    output_bytes: usize,
}

const NAME: &str = "chat";
/// The variable that carries the frozen clock into strftime_now.
const NOW: &str = "__pintle_now";
/// Marks an error that the template itself raised.
const RAISED: &str = "raise_exception: ";
/// Templates recurse only in macros, over the depth of a tool's schema.
const RECURSION_MAX: usize = 100;

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, format!("{RAISED}{message}")))
}

fn strftime_now(state: &State, pattern: String) -> Result<String, Error> {
    let now = state.lookup(NOW).and_then(|now| i64::try_from(now).ok()).unwrap_or(0);
    strftime::format(now, &pattern)
        .map_err(|message| Error::new(ErrorKind::InvalidOperation, message))
}

/// A name could be an identifier of the template's own code, so it is left alone.
fn is_identifier(content: &str) -> bool {
    content.chars().all(|c| c.is_alphanumeric() || c == '_' || c.is_whitespace())
}

/// The source with every special token spelled by its marker, the longest at each place.
fn with_markers(source: &str, tokenizer: &Tokenizer) -> String {
    let mut specials: Vec<(&str, &str)> = tokenizer
        .specials
        .iter()
        .map(|special| (special.content.as_str(), special.marker.as_str()))
        .filter(|(content, _)| content.len() > 1 && !is_identifier(content))
        .collect();
    specials.sort_by_key(|(content, _)| std::cmp::Reverse(content.len()));
    let mut marked = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        match specials.iter().find(|(content, _)| rest.starts_with(content)) {
            Some((content, marker)) => {
                marked.push_str(marker);
                rest = &rest[content.len()..];
            }
            None => {
                marked.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    marked
}

/// transformers' {% generation %} block only marks text for training: any block that always runs
/// does as well.
fn without_generation_tags(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(begin) = rest.find("{%") {
        let Some(length) = rest[begin..].find("%}") else { break };
        let (tag, behind) = rest[begin..].split_at(length + 2);
        plain.push_str(&rest[..begin]);
        let name = tag[2..length].trim_matches(|c| c == '-' || c == '+' || char::is_whitespace(c));
        match name {
            "generation" => plain.push_str(&tag.replace(name, "if true")),
            "endgeneration" => plain.push_str(&tag.replace(name, "endif")),
            _ => plain.push_str(tag),
        }
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

fn open(source: &str, tokenizer: &Tokenizer) -> Result<Template, Failure> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", tojson);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    let marked = with_markers(&without_generation_tags(source), tokenizer);
    environment.add_template_owned(NAME, marked).map_err(|error| {
        Failure::invalid(format!(
            "chat template does not compile: {} in line {}",
            error.kind(),
            error.line().unwrap_or(0)
        ))
    })?;
    Ok(Template { environment, source: source.to_string() })
}

/// Collects output up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            self.exceeded = true;
            return Err(io::Error::other("output limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Template {
    fn render(
        &self,
        context: serde_json::Map<String, serde_json::Value>,
        unix_seconds: i64,
        limits: RenderLimits,
    ) -> Result<Vec<u8>, Failure> {
        let mut context = context;
        context.insert(NOW.into(), unix_seconds.into());
        // Fuel belongs to an environment, and a clone shares the compiled template.
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(limits.fuel));
        let template = environment.get_template(NAME).map_err(|error| self.explain(&error))?;
        let mut output =
            Bounded { bytes: Vec::new(), limit: limits.output_bytes, exceeded: false };
        let outcome = template.render_captured_to(&context, &mut output).map(|_| ());
        if output.exceeded {
            return Err(Failure::too_long(format!(
                "rendered chat exceeds {} bytes",
                limits.output_bytes
            )));
        }
        outcome.map_err(|error| self.explain(&error))?;
        Ok(output.bytes)
    }

    /// Says what went wrong without quoting anything that may come from a message: what the
    /// template raises is quoted only where it stands in the template itself.
    fn explain(&self, error: &Error) -> Failure {
        if let Some(raised) = error.detail().and_then(|detail| detail.strip_prefix(RAISED)) {
            let known = !raised.is_empty() && self.source.contains(raised);
            return Failure::refused(if known {
                format!("the chat template refused the messages: {raised}")
            } else {
                "the chat template refused the messages".to_string()
            });
        }
        let what = match error.kind() {
            ErrorKind::OutOfFuel => "needs too many steps".to_string(),
            kind => format!("failed: {kind}"),
        };
        Failure::refused(format!("the chat template {what} (line {})", error.line().unwrap_or(0)))
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_template_open(
    source: Slice,
    tokenizer: *const Tokenizer,
    template: *mut *mut Template,
    error: *mut Buffer,
) -> i32 {
    answer(template, error, || Ok(Box::into_raw(Box::new(open(source.text()?, &*tokenizer)?))))
}

#[no_mangle]
unsafe extern "C" fn pintle_template_free(template: *mut Template) {
    if !template.is_null() {
        drop(Box::from_raw(template));
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_template_render(
    template: *const Template,
    context: Slice,
    unix_seconds: i64,
    limits: RenderLimits,
    text: *mut Buffer,
    error: *mut Buffer,
) -> i32 {
    answer(text, error, || {
        let context = serde_json::from_slice(context.bytes())
            .map_err(|_| Failure::invalid("template variables are no JSON object"))?;
        Ok(Buffer::from((*template).render(context, unix_seconds, limits)?))
    })
}
