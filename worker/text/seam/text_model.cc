// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/text_model.h"

#include "worker/text/seam/detokenizer.h"

namespace pintle::text {

std::string TextModel::Decode(absl::Span<const TokenId> ids, bool skip_special) const {
  Detokenizer detokenizer(*this, {.skip_special = skip_special, .at_start = true});
  std::string text;
  for (const TokenId id : ids) text += detokenizer.Push(id);
  text += detokenizer.Flush();
  return text;
}

}  // namespace pintle::text
