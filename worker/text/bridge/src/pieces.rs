// SPDX-License-Identifier: Apache-2.0
//! What bytes each id stands for in running text, worked out once from the tokenizer's decoder, so
//! that decoding a token later is a table lookup.

use crate::Failure;
use serde_json::Value;
use std::sync::OnceLock;

/// The decoders language models use. Others are refused by name at load.
pub enum Decoder {
    /// GPT-2's: every character of a token stands for one byte.
    ByteLevel,
    /// SentencePiece's: a character stands for a space, <0xNN> for a byte.
    Metaspace { space: String, byte_fallback: bool },
}

pub struct Pieces {
    bytes: Vec<u8>,
    /// (end in `bytes`, special) of each id; an id's bytes begin where the previous one's end.
    entries: Vec<(usize, bool)>,
}

impl Pieces {
    pub fn new() -> Pieces {
        Pieces { bytes: Vec::new(), entries: Vec::new() }
    }

    /// Appends the next id.
    pub fn push(&mut self, bytes: &[u8], special: bool) {
        self.bytes.extend_from_slice(bytes);
        self.entries.push((self.bytes.len(), special));
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn get(&self, id: usize) -> (&[u8], bool) {
        match self.entries.get(id) {
            Some(&(end, special)) => {
                let begin = if id == 0 { 0 } else { self.entries[id - 1].0 };
                (&self.bytes[begin..end], special)
            }
            None => (&[], false),
        }
    }
}

/// The decoder of a parsed tokenizer.json, and whether it strips a space at a text's start.
pub fn decoder_of(tokenizer: &Value) -> Result<(Decoder, bool), Failure> {
    let decoder = &tokenizer["decoder"];
    match decoder["type"].as_str() {
        Some("ByteLevel") => Ok((Decoder::ByteLevel, false)),
        Some("Metaspace") => {
            let space = decoder["replacement"].as_str().unwrap_or("\u{2581}").to_string();
            let prepends = match decoder["prepend_scheme"].as_str() {
                Some(scheme) => scheme != "never",
                None => decoder["add_prefix_space"].as_bool().unwrap_or(true),
            };
            Ok((Decoder::Metaspace { space, byte_fallback: false }, prepends))
        }
        Some("Sequence") => sequence_of(decoder),
        Some(other) => Err(Failure::invalid(format!("decoder {other} is not supported"))),
        None => Err(Failure::invalid("decoder is missing")),
    }
}

fn sequence_of(decoder: &Value) -> Result<(Decoder, bool), Failure> {
    let mut space = None;
    let mut byte_fallback = false;
    let mut strips = false;
    for step in decoder["decoders"].as_array().map(Vec::as_slice).unwrap_or(&[]) {
        match step["type"].as_str() {
            Some("ByteLevel") => return Ok((Decoder::ByteLevel, false)),
            Some("Replace") if step["content"].as_str() == Some(" ") => {
                space = step["pattern"]["String"].as_str().map(str::to_string);
            }
            Some("Metaspace") => {
                space = step["replacement"].as_str().map(str::to_string);
                strips = step["prepend_scheme"].as_str() != Some("never");
            }
            Some("ByteFallback") => byte_fallback = true,
            Some("Fuse") => {}
            Some("Strip") if step["content"].as_str() == Some(" ") => {
                strips = step["start"].as_u64() == Some(1);
            }
            other => {
                return Err(Failure::invalid(format!(
                    "decoder step {} is not supported",
                    other.unwrap_or("without a type")
                )))
            }
        }
    }
    let space = space.ok_or_else(|| Failure::invalid("decoder sequence replaces no space"))?;
    Ok((Decoder::Metaspace { space, byte_fallback }, strips))
}

impl Decoder {
    /// Bytes of an ordinary vocabulary entry.
    pub fn bytes_of(&self, token: &str) -> Vec<u8> {
        match self {
            Decoder::ByteLevel => {
                let decoded: Option<Vec<u8>> = token.chars().map(byte_of_char).collect();
                decoded.unwrap_or_else(|| token.as_bytes().to_vec())
            }
            Decoder::Metaspace { space, byte_fallback } => {
                if *byte_fallback {
                    if let Some(byte) = fallback_byte(token) {
                        return vec![byte];
                    }
                }
                token.replace(space.as_str(), " ").into_bytes()
            }
        }
    }
}

fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() != 2 {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// GPT-2's table: printable Latin-1 characters stand for themselves, the other 68 bytes for the
/// code points from U+0100 on, in order.
fn byte_of_char(c: char) -> Option<u8> {
    static OTHERS: OnceLock<Vec<u8>> = OnceLock::new();
    let printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let others = OTHERS.get_or_init(|| (0..=255).filter(|byte| !printable(*byte)).collect());
    match u8::try_from(c as u32) {
        Ok(byte) => printable(byte).then_some(byte),
        Err(_) => others.get((c as usize).checked_sub(0x100)?).copied(),
    }
}
