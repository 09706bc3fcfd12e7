// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_BRIDGE_TEXT_BRIDGE_H_
#define PINTLE_WORKER_TEXT_BRIDGE_TEXT_BRIDGE_H_

#include <stddef.h>
#include <stdint.h>

/* The C interface of the Rust crate in this folder; src/lib.rs is its other half and says the same.
 * Threads: functions that take a const handle may be called from any thread at once.
 * Ownership: *_open gives a handle that *_free takes back; a pintle_buffer is given to the caller,
 * who returns it with pintle_buffer_free; slices are borrowed from their handle.
 * Failure: a status other than PINTLE_TEXT_OK and a message in `error`; no panic crosses. */

#ifdef __cplusplus
extern "C" {
#endif

enum {
  PINTLE_TEXT_OK = 0,
  PINTLE_TEXT_INVALID = 1,  /* the file or the input is wrong */
  PINTLE_TEXT_REFUSED = 2,  /* the template refused or failed */
  PINTLE_TEXT_TOO_LONG = 3, /* an output limit was reached */
  PINTLE_TEXT_BROKEN = 4    /* a bug here: a panic was caught */
};

struct pintle_slice {
  const uint8_t* data; /* may be NULL when size is 0 */
  size_t size;
};

struct pintle_buffer {
  uint8_t* data;
  size_t size;
  size_t capacity;
};

void pintle_buffer_free(struct pintle_buffer buffer);

/* --- Tokenizer --- */
struct pintle_tokenizer;

/* Parses a tokenizer.json. `nonce` keys the markers that stand for control tokens. */
int32_t pintle_tokenizer_open(struct pintle_slice json, uint64_t nonce,
                              struct pintle_tokenizer** tokenizer, struct pintle_buffer* error);
void pintle_tokenizer_free(struct pintle_tokenizer* tokenizer);

/* Ids (int32_t, native order) of UTF-8 text. With parse_special, special tokens in the text become
 * their ids; without, only markers do. */
int32_t pintle_tokenizer_encode(const struct pintle_tokenizer* tokenizer, struct pintle_slice text,
                                int32_t add_special, int32_t parse_special,
                                struct pintle_buffer* ids, struct pintle_buffer* error);

/* Largest id + 1. */
size_t pintle_tokenizer_size(const struct pintle_tokenizer* tokenizer);
int32_t pintle_tokenizer_strips_leading_space(const struct pintle_tokenizer* tokenizer);
/* Bytes of one id in running text; empty for unknown ids. Sets *special. */
struct pintle_slice pintle_tokenizer_piece(const struct pintle_tokenizer* tokenizer, uint32_t id,
                                           int32_t* special);
/* The text every marker starts with; no input may hold it. */
struct pintle_slice pintle_tokenizer_marker_prefix(const struct pintle_tokenizer* tokenizer);
/* The whole marker of the index-th special token, its id in *id; empty past the last. */
struct pintle_slice pintle_tokenizer_marker(const struct pintle_tokenizer* tokenizer, size_t index,
                                            uint32_t* id);
/* Id of an added token by its content, or -1. */
int64_t pintle_tokenizer_added_id(const struct pintle_tokenizer* tokenizer,
                                  struct pintle_slice content);

/* --- Chat template --- */
struct pintle_template;

struct pintle_render_limits {
  uint64_t fuel; /* template instructions */
  size_t output_bytes;
};

/* Compiles a template; special tokens of `tokenizer` written in it become their markers. */
int32_t pintle_template_open(struct pintle_slice source, const struct pintle_tokenizer* tokenizer,
                             struct pintle_template** chat_template, struct pintle_buffer* error);
void pintle_template_free(struct pintle_template* chat_template);

/* Renders with the variables of the JSON object `context`; strftime_now answers for `unix_seconds`
 * in UTC. The error never holds a message's text. */
int32_t pintle_template_render(const struct pintle_template* chat_template,
                               struct pintle_slice context, int64_t unix_seconds,
                               struct pintle_render_limits limits, struct pintle_buffer* text,
                               struct pintle_buffer* error);

/* --- safetensors --- */
struct pintle_tensors;

struct pintle_tensor {
  struct pintle_slice name;
  struct pintle_slice dtype; /* as in the file: "BF16" */
  const size_t* shape;
  size_t rank;
  size_t begin; /* of the file */
  size_t end;
};

/* Validates a whole file's bytes and lists its tensors in the order of their data. */
int32_t pintle_tensors_open(struct pintle_slice file, size_t header_bytes_max, size_t tensors_max,
                            struct pintle_tensors** tensors, struct pintle_buffer* error);
void pintle_tensors_free(struct pintle_tensors* tensors);
size_t pintle_tensors_size(const struct pintle_tensors* tensors);
/* Requires: index < size. */
struct pintle_tensor pintle_tensors_get(const struct pintle_tensors* tensors, size_t index);

#ifdef __cplusplus
}
#endif

#endif /* PINTLE_WORKER_TEXT_BRIDGE_TEXT_BRIDGE_H_ */
