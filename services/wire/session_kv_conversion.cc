// SPDX-License-Identifier: Apache-2.0
#include "services/wire/session_kv_conversion.h"

#include <utility>

namespace pintle {

void ToProto(const KvShape& shape, v1::KvShape* out) {
  out->set_fingerprint(shape.fingerprint);
  out->set_kv_dtype(shape.dtype);
  out->set_layers(shape.layers);
  out->set_kv_heads(shape.kv_heads);
  out->set_head_dim(shape.head_dim);
  out->set_element_bytes(shape.element_bytes);
}

KvShape FromProto(const v1::KvShape& shape) {
  return {shape.fingerprint(), shape.kv_dtype(), shape.layers(),
          shape.kv_heads(),    shape.head_dim(), shape.element_bytes()};
}

void ToProto(KvPortion portion, v1::KvPortion* out) {
  out->set_first_position(portion.first);
  out->set_tokens(portion.tokens);
  out->set_data(std::move(portion.data));
  out->set_checksum(portion.checksum);
}

KvPortion FromProto(v1::KvPortion portion) {
  KvPortion out;
  out.first = portion.first_position();
  out.tokens = portion.tokens();
  out.data = std::move(*portion.mutable_data());
  out.checksum = portion.checksum();
  return out;
}

}  // namespace pintle
