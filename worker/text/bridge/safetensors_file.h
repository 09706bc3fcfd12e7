// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_BRIDGE_SAFETENSORS_FILE_H_
#define PINTLE_WORKER_TEXT_BRIDGE_SAFETENSORS_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pintle::text {

// One tensor of a file. `bytes` is the mapping itself, row-major and not necessarily aligned.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // as in the file: "BF16", "F32"
  std::vector<std::int64_t> shape;
  absl::Span<const std::uint8_t> bytes;
};

// A memory-mapped safetensors file, validated by the safetensors crate; nothing is copied.
// Thread: immutable after Open, safe from any thread.
// Owns the mapping: entries' bytes die with it. A file that shrinks while mapped faults the reader,
// as with every mapping.
// Fails: Open answers NOT_FOUND when the file cannot be opened and INVALID_ARGUMENT naming the
// cause when it is truncated, overlaps itself, or exceeds limits::kTensorHeaderBytes or kTensors.
// Messages name the file, never its folder.
class SafetensorsFile {
 public:
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(const std::string& path);

  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  // In the order of their data.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // Null when the file has no such tensor.
  const SafetensorsEntry* Find(absl::string_view name) const;
  // The whole file.
  absl::Span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  explicit SafetensorsFile(absl::Span<const std::uint8_t> bytes) : bytes_(bytes) {}

  absl::Status ReadEntries(absl::string_view file);

  absl::Span<const std::uint8_t> bytes_;
  std::vector<SafetensorsEntry> entries_;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_BRIDGE_SAFETENSORS_FILE_H_
