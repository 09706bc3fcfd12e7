// SPDX-License-Identifier: Apache-2.0
//! Two tokenizers of one model: `parsing` is the file's own; in `marking` every special token is
//! spelled by a marker that no client can write, so that special strings in a message stay text.

use crate::pieces::{decoder_of, Pieces};
use crate::{answer, Buffer, Failure, Slice};
use std::collections::HashMap;
use tokenizers::{AddedToken, Tokenizer as HfTokenizer};

pub struct Special {
    pub id: u32,
    pub content: String,
    pub marker: String,
}

pub struct Tokenizer {
    parsing: HfTokenizer,
    marking: HfTokenizer,
    /// Ids of added tokens in `marking` that differ from the file's.
    marking_ids: HashMap<u32, u32>,
    /// What the post-processor puts before and after a text.
    before: Vec<u32>,
    after: Vec<u32>,
    pieces: Pieces,
    strips_leading_space: bool,
    pub specials: Vec<Special>,
    marker_prefix: String,
}

/// Markers number their tokens with the code points of private use plane 15.
const SPECIALS_MAX: usize = 65_534;

/// Two code points of private use plane 16, drawn by the nonce.
fn marker_prefix(nonce: u64) -> String {
    let point = |bits: u64| {
        char::from_u32(0x10_0000 + (bits % 0xFFFE) as u32).unwrap_or('\u{10FFFD}')
    };
    [point(nonce), point(nonce >> 32)].iter().collect()
}

fn marker(prefix: &str, index: usize) -> String {
    let number = char::from_u32(0xF_0000 + index as u32).unwrap_or('\u{F0000}');
    format!("{prefix}{number}")
}

fn failed(error: tokenizers::Error) -> Failure {
    Failure::invalid(format!("tokenizer failed: {error}"))
}

fn added_tokens(tokenizer: &HfTokenizer) -> Vec<(u32, AddedToken)> {
    let mut added: Vec<_> = tokenizer.get_added_tokens_decoder().into_iter().collect();
    added.sort_by_key(|(id, _)| *id);
    added
}

fn open(json: &str, nonce: u64) -> Result<Tokenizer, Failure> {
    let parsed: serde_json::Value = serde_json::from_str(json)
        .map_err(|error| Failure::invalid(format!("tokenizer.json is no JSON: {error}")))?;
    let (decoder, strips_leading_space) = decoder_of(&parsed)?;
    drop(parsed);
    let mut parsing = HfTokenizer::from_bytes(json.as_bytes())
        .map_err(|error| Failure::invalid(format!("tokenizer.json is not understood: {error}")))?;
    parsing.with_truncation(None).map_err(failed)?;
    parsing.with_padding(None);

    let marker_prefix = marker_prefix(nonce);
    let added = added_tokens(&parsing);
    let mut specials = Vec::new();
    for (id, token) in added.iter().filter(|(_, token)| token.special) {
        if specials.len() == SPECIALS_MAX {
            return Err(Failure::invalid("tokenizer.json has too many special tokens"));
        }
        specials.push(Special {
            id: *id,
            content: token.content.clone(),
            marker: marker(&marker_prefix, specials.len()),
        });
    }
    let (marking, marking_ids) = marking_twin(&parsing, &added, &specials)?;
    let pieces = pieces_of(&parsing, &added, &decoder);
    let (before, after) = surroundings(&parsing)?;
    Ok(Tokenizer {
        parsing,
        marking,
        marking_ids,
        before,
        after,
        pieces,
        strips_leading_space,
        specials,
        marker_prefix,
    })
}

fn marking_twin(
    parsing: &HfTokenizer,
    added: &[(u32, AddedToken)],
    specials: &[Special],
) -> Result<(HfTokenizer, HashMap<u32, u32>), Failure> {
    let mut marking = HfTokenizer::new(parsing.get_model().clone());
    marking.with_normalizer(parsing.get_normalizer().cloned()).map_err(failed)?;
    marking.with_pre_tokenizer(parsing.get_pre_tokenizer().cloned());
    let mut markers = specials.iter();
    let mut twins = Vec::with_capacity(added.len());
    for (id, token) in added {
        let mut twin = token.clone();
        if token.special {
            if let Some(special) = markers.next() {
                twin.content = special.marker.clone();
            }
            twin.normalized = false;
        }
        twins.push((*id, twin));
    }
    marking.add_tokens(twins.iter().map(|(_, twin)| twin.clone())).map_err(failed)?;
    let mut ids = HashMap::new();
    for (id, twin) in &twins {
        match marking.token_to_id(&twin.content) {
            Some(marking_id) => {
                ids.insert(marking_id, *id);
            }
            None => return Err(Failure::invalid("tokenizer.json has an empty added token")),
        }
    }
    Ok((marking, ids))
}

fn pieces_of(
    parsing: &HfTokenizer,
    added: &[(u32, AddedToken)],
    decoder: &crate::pieces::Decoder,
) -> Pieces {
    let vocabulary = parsing.get_vocab(true);
    let size = vocabulary.values().max().map_or(0, |id| *id as usize + 1);
    let mut tokens: Vec<Option<&str>> = vec![None; size];
    for (token, id) in &vocabulary {
        tokens[*id as usize] = Some(token);
    }
    let by_id: HashMap<u32, &AddedToken> = added.iter().map(|(id, token)| (*id, token)).collect();
    let mut pieces = Pieces::new();
    for (id, token) in tokens.iter().enumerate() {
        match (by_id.get(&(id as u32)), token) {
            (Some(token), _) => pieces.push(token.content.as_bytes(), token.special),
            (None, Some(token)) => pieces.push(&decoder.bytes_of(token), false),
            (None, None) => pieces.push(&[], false),
        }
    }
    pieces
}

/// What the post-processor adds, seen on a text of one letter.
fn surroundings(parsing: &HfTokenizer) -> Result<(Vec<u32>, Vec<u32>), Failure> {
    let bare = parsing.encode_fast("a", false).map_err(failed)?;
    let full = parsing.encode_fast("a", true).map_err(failed)?;
    let (bare, full) = (bare.get_ids(), full.get_ids());
    let at = (0..=full.len().saturating_sub(bare.len()))
        .find(|at| full[*at..].starts_with(bare))
        .ok_or_else(|| Failure::invalid("tokenizer.json has an unusual post_processor"))?;
    Ok((full[..at].to_vec(), full[at + bare.len()..].to_vec()))
}

impl Tokenizer {
    fn encode(&self, text: &str, add_special: bool, parse: bool) -> Result<Vec<u8>, Failure> {
        let tokenizer = if parse { &self.parsing } else { &self.marking };
        let encoding = tokenizer.encode_fast(text, false).map_err(failed)?;
        let (before, after): (&[u32], &[u32]) =
            if add_special { (&self.before, &self.after) } else { (&[], &[]) };
        let count = before.len() + encoding.get_ids().len() + after.len();
        let mut bytes = Vec::with_capacity(count * 4);
        let mut put = |id: u32| bytes.extend_from_slice(&(id as i32).to_ne_bytes());
        before.iter().for_each(|id| put(*id));
        for id in encoding.get_ids() {
            put(if parse { *id } else { *self.marking_ids.get(id).unwrap_or(id) });
        }
        after.iter().for_each(|id| put(*id));
        Ok(bytes)
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_open(
    json: Slice,
    nonce: u64,
    tokenizer: *mut *mut Tokenizer,
    error: *mut Buffer,
) -> i32 {
    answer(tokenizer, error, || Ok(Box::into_raw(Box::new(open(json.text()?, nonce)?))))
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_free(tokenizer: *mut Tokenizer) {
    if !tokenizer.is_null() {
        drop(Box::from_raw(tokenizer));
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_encode(
    tokenizer: *const Tokenizer,
    text: Slice,
    add_special: i32,
    parse_special: i32,
    ids: *mut Buffer,
    error: *mut Buffer,
) -> i32 {
    answer(ids, error, || {
        let bytes = (*tokenizer).encode(text.text()?, add_special != 0, parse_special != 0)?;
        Ok(Buffer::from(bytes))
    })
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_size(tokenizer: *const Tokenizer) -> usize {
    (*tokenizer).pieces.len()
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_strips_leading_space(tokenizer: *const Tokenizer) -> i32 {
    i32::from((*tokenizer).strips_leading_space)
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_piece(
    tokenizer: *const Tokenizer,
    id: u32,
    special: *mut i32,
) -> Slice {
    let (bytes, is_special) = (*tokenizer).pieces.get(id as usize);
    special.write(i32::from(is_special));
    Slice::of(bytes)
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_marker_prefix(tokenizer: *const Tokenizer) -> Slice {
    Slice::of((*tokenizer).marker_prefix.as_bytes())
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_marker(
    tokenizer: *const Tokenizer,
    index: usize,
    id: *mut u32,
) -> Slice {
    let specials = &(*tokenizer).specials;
    match specials.get(index) {
        Some(special) => {
            id.write(special.id);
            Slice::of(special.marker.as_bytes())
        }
        None => Slice::EMPTY,
    }
}

#[no_mangle]
unsafe extern "C" fn pintle_tokenizer_added_id(
    tokenizer: *const Tokenizer,
    content: Slice,
) -> i64 {
    let tokenizer = &*tokenizer;
    match content.text() {
        Ok(content) => tokenizer.parsing.token_to_id(content).map_or(-1, i64::from),
        Err(_) => -1,
    }
}
