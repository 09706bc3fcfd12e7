// SPDX-License-Identifier: Apache-2.0
#include "worker/text/bridge/safetensors_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "worker/text/bridge/text_bridge.h"

namespace pintle::text {
namespace {

absl::string_view FileName(absl::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

absl::string_view View(pintle_slice slice) {
  return {reinterpret_cast<const char*>(slice.data), slice.size};
}

absl::StatusOr<absl::Span<const std::uint8_t>> MapFile(const std::string& path) {
  const absl::string_view file = FileName(path);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return MakeError(Reason::kModelNotFound, absl::StrCat(file, " cannot be opened"));
  }
  struct stat status = {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return MakeError(Reason::kInvalidField, absl::StrCat(file, " is no regular file"));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) {
    close(descriptor);
    return MakeError(Reason::kInvalidField, absl::StrCat(file, " is empty"));
  }
  void* const mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  close(descriptor);
  if (mapping == MAP_FAILED) {
    return MakeError(Reason::kInvalidField, absl::StrCat(file, " cannot be mapped"));
  }
  return absl::Span<const std::uint8_t>(static_cast<const std::uint8_t*>(mapping), size);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  PINTLE_ASSIGN_OR_RETURN(const absl::Span<const std::uint8_t> bytes, MapFile(path));
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile(bytes));
  PINTLE_RETURN_IF_ERROR(file->ReadEntries(FileName(path)));
  return file;
}

SafetensorsFile::~SafetensorsFile() {
  // munmap takes a mutable address although the mapping was never writable.
  munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

absl::Status SafetensorsFile::ReadEntries(absl::string_view file) {
  pintle_tensors* tensors = nullptr;
  pintle_buffer error = {};
  const std::int32_t status =
      pintle_tensors_open({bytes_.data(), bytes_.size()}, limits::kTensorHeaderBytes,
                          limits::kTensors, &tensors, &error);
  if (status != PINTLE_TEXT_OK) {
    const std::string cause(reinterpret_cast<const char*>(error.data), error.size);
    pintle_buffer_free(error);
    return MakeError(status == PINTLE_TEXT_BROKEN ? Reason::kModelFailed : Reason::kInvalidField,
                     absl::StrCat(file, " ", cause));
  }
  entries_.reserve(pintle_tensors_size(tensors));
  for (std::size_t i = 0; i < pintle_tensors_size(tensors); ++i) {
    const pintle_tensor tensor = pintle_tensors_get(tensors, i);
    SafetensorsEntry entry;
    entry.name = std::string(View(tensor.name));
    entry.dtype = std::string(View(tensor.dtype));
    for (std::size_t d = 0; d < tensor.rank; ++d) {
      entry.shape.push_back(static_cast<std::int64_t>(tensor.shape[d]));
    }
    entry.bytes = bytes_.subspan(tensor.begin, tensor.end - tensor.begin);
    entries_.push_back(std::move(entry));
  }
  pintle_tensors_free(tensors);
  return absl::OkStatus();
}

const SafetensorsEntry* SafetensorsFile::Find(absl::string_view name) const {
  for (const SafetensorsEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace pintle::text
