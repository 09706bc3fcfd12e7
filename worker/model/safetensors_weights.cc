// SPDX-License-Identifier: Apache-2.0
#include "worker/model/safetensors_weights.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle::model {
namespace {

std::optional<Dtype> DtypeOf(const std::string& name) {
  if (name == "F32") return Dtype::kFloat32;
  if (name == "BF16") return Dtype::kBfloat16;
  if (name == "F16") return Dtype::kFloat16;
  return std::nullopt;
}

absl::Span<const std::byte> AsBytes(absl::Span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsWeights>> SafetensorsWeights::Open(
    const std::string& folder, const std::vector<std::string>& files) {
  std::unique_ptr<SafetensorsWeights> weights(new SafetensorsWeights());
  for (const std::string& name : files) {
    auto file = text::SafetensorsFile::Open(absl::StrCat(folder, "/", name));
    if (absl::IsNotFound(file.status())) {
      return MakeError(Reason::kModelNotFound, absl::StrCat("the model folder lacks ", name));
    }
    PINTLE_RETURN_IF_ERROR(file.status());
    for (const text::SafetensorsEntry& entry : (*file)->entries()) {
      const auto dtype = DtypeOf(entry.dtype);
      // Buffers of other types may lie beside the weights; those we need fail in Resolve.
      if (!dtype.has_value()) continue;
      TensorView view{*dtype, entry.shape, AsBytes(entry.bytes)};
      if (!weights->tensors_.emplace(entry.name, std::move(view)).second) {
        return InvalidField(name, absl::StrCat("holds tensor ", entry.name,
                                               ", which another weight file holds too"));
      }
    }
    weights->files_.push_back(*std::move(file));
  }
  return weights;
}

absl::StatusOr<TensorView> SafetensorsWeights::Find(absl::string_view name) const {
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) return absl::NotFoundError(absl::StrCat("no tensor ", name));
  return it->second;
}

std::vector<std::string> SafetensorsWeights::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, view] : tensors_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<absl::Span<const std::byte>> SafetensorsWeights::Files() const {
  std::vector<absl::Span<const std::byte>> files;
  for (const auto& file : files_) files.push_back(AsBytes(file->bytes()));
  return files;
}

}  // namespace pintle::model
