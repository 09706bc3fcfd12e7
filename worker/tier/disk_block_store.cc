// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/disk_block_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"

namespace pintle::tier {
namespace {

// Labels and contents begin at pages, so that neither shares one with its neighbours.
constexpr std::size_t kPage = 4096;
// Rises with every change of the layout below.
constexpr std::uint32_t kVersion = 1;
constexpr std::array<char, 8> kFileMagic = {'P', 'I', 'N', 'T', 'L', 'E', 'K', 'V'};
constexpr std::array<char, 8> kSlotMagic = {'K', 'V', 'B', 'L', 'O', 'C', 'K', '1'};
// Names of tenants are shorter everywhere; a longer one is not kept.
constexpr std::size_t kTenantBytes = 128;

// The first page. Written and read by the same machine: native byte order, which the magic shows.
struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::int32_t block_tokens;
  std::uint64_t block_bytes;
  std::array<std::uint64_t, 2> identity;
};

// A slot's first bytes; token ids follow. `sum` covers everything of the label after itself.
struct SlotHeader {
  std::array<char, 8> magic;
  std::uint64_t sum;
  std::uint64_t content_sum;
  std::array<std::uint64_t, 2> hash;
  std::array<std::uint64_t, 2> parent;
  std::int64_t used_at;
  std::int32_t first_position;
  std::int32_t tokens;
  std::uint64_t tenant_bytes;
  std::array<char, kTenantBytes> tenant;
};
static_assert(sizeof(SlotHeader) % sizeof(std::uint64_t) == 0);

std::size_t Pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

std::uint64_t SumOf(absl::Span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

absl::Status Failed(const char* what) {
  const int error = errno;
  const std::string message =
      absl::StrCat("disk tier: ", what, ": ", std::generic_category().message(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                            : absl::InternalError(message);
}

absl::Status WriteAll(int file, absl::Span<const std::byte> bytes, std::int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("writing a block failed");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status ReadAll(int file, absl::Span<std::byte> bytes, std::int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t got = pread(file, bytes.data(), bytes.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("reading a block failed");
    if (got == 0) return absl::DataLossError("disk tier: the file is shorter than its slots");
    bytes.remove_prefix(static_cast<std::size_t>(got));
    offset += got;
  }
  return absl::OkStatus();
}

FileHeader HeaderOf(const DiskBlockStore::Options& options) {
  const XXH128_hash_t identity = XXH3_128bits(options.identity.data(), options.identity.size());
  FileHeader header{};
  header.magic = kFileMagic;
  header.version = kVersion;
  header.block_tokens = options.block_tokens;
  header.block_bytes = options.block_bytes;
  header.identity = {identity.low64, identity.high64};
  return header;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DiskBlockStore>> DiskBlockStore::Open(const Options& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  const std::string path = absl::StrCat(options.folder, "/blocks.kv");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Failed("the folder cannot be used");
  std::unique_ptr<DiskBlockStore> store(new DiskBlockStore(options, file));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError("disk tier: another process uses this folder");
  }
  PINTLE_RETURN_IF_ERROR(store->Prepare());
  return store;
}

DiskBlockStore::DiskBlockStore(const Options& options, int file)
    : options_(options),
      file_(file),
      label_bytes_(Pages(sizeof(SlotHeader) +
                         static_cast<std::size_t>(options.block_tokens) * sizeof(TokenId))),
      content_bytes_(Pages(options.block_bytes)),
      page_(label_bytes_) {}

DiskBlockStore::~DiskBlockStore() { close(file_); }

absl::Status DiskBlockStore::Prepare() {
  const std::int64_t room = options_.bytes_max - static_cast<std::int64_t>(kPage);
  const std::int64_t slots = room / static_cast<std::int64_t>(slot_bytes());
  if (slots < 1) {
    return absl::InvalidArgumentError(absl::StrCat("disk tier: ", options_.bytes_max,
                                                   " bytes hold no block, one takes ",
                                                   slot_bytes() + kPage));
  }
  slots_ = static_cast<std::int32_t>(
      std::min<std::int64_t>(slots, std::numeric_limits<std::int32_t>::max()));
  if (fchmod(file_, 0600) != 0) return Failed("setting the file's mode failed");
  const FileHeader wanted = HeaderOf(options_);
  FileHeader found{};
  struct stat facts{};
  if (fstat(file_, &facts) != 0) return Failed("looking at the file failed");
  if (facts.st_size > 0) {
    const absl::Status read =
        ReadAll(file_, absl::MakeSpan(reinterpret_cast<std::byte*>(&found), sizeof(found)), 0);
    was_foreign_ = !read.ok() || std::memcmp(&found, &wanted, sizeof(found)) != 0;
    if (was_foreign_ && ftruncate(file_, 0) != 0) return Failed("emptying the file failed");
  }
  // Slots beyond a new, smaller size are given back; new ones read as empty.
  const std::int64_t size = OffsetOf(slots_);
  if (ftruncate(file_, size) != 0) return Failed("sizing the file failed");
  return WriteAll(
      file_, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&wanted), sizeof(wanted)), 0);
}

std::int64_t DiskBlockStore::OffsetOf(std::int32_t slot) const {
  return static_cast<std::int64_t>(kPage) + slot * static_cast<std::int64_t>(slot_bytes());
}

absl::Status DiskBlockStore::Write(std::int32_t slot, const BlockLabel& label,
                                   absl::Span<const std::byte> bytes) {
  if (label.tenant.value().size() > kTenantBytes ||
      label.tokens.size() > static_cast<std::size_t>(options_.block_tokens)) {
    return absl::InvalidArgumentError("disk tier: the label is longer than a slot's");
  }
  SlotHeader header{};
  header.magic = kSlotMagic;
  header.content_sum = SumOf(bytes);
  header.hash = {label.hash.low, label.hash.high};
  header.parent = {label.parent.low, label.parent.high};
  header.used_at = label.used_at;
  header.first_position = label.first_position;
  header.tokens = static_cast<std::int32_t>(label.tokens.size());
  header.tenant_bytes = label.tenant.value().size();
  std::copy(label.tenant.value().begin(), label.tenant.value().end(), header.tenant.begin());
  std::fill(page_.begin(), page_.end(), std::byte{0});
  std::memcpy(page_.data(), &header, sizeof(header));
  std::memcpy(page_.data() + sizeof(header), label.tokens.data(),
              label.tokens.size() * sizeof(TokenId));
  constexpr std::size_t kSummed = offsetof(SlotHeader, content_sum);
  header.sum = SumOf(absl::MakeConstSpan(page_).subspan(kSummed));
  std::memcpy(page_.data(), &header, sizeof(header));
  // The content first: a label never speaks of bytes that are still to come, and if the machine
  // stops between the two, or writes them the other way round, the checksum says so.
  const std::int64_t offset = OffsetOf(slot);
  PINTLE_RETURN_IF_ERROR(
      WriteAll(file_, bytes, offset + static_cast<std::int64_t>(label_bytes_)));
  return WriteAll(file_, page_, offset);
}

absl::Status DiskBlockStore::LoadLabel(std::int32_t slot, BlockLabel* label,
                                       std::uint64_t* content_sum) {
  PINTLE_RETURN_IF_ERROR(ReadAll(file_, absl::MakeSpan(page_), OffsetOf(slot)));
  SlotHeader header;
  std::memcpy(&header, page_.data(), sizeof(header));
  if (header.magic == std::array<char, 8>{}) return absl::NotFoundError("disk tier: empty slot");
  constexpr std::size_t kSummed = offsetof(SlotHeader, content_sum);
  const bool sound = header.magic == kSlotMagic &&
                     header.sum == SumOf(absl::MakeConstSpan(page_).subspan(kSummed)) &&
                     header.tokens >= 0 && header.tokens <= options_.block_tokens &&
                     header.tenant_bytes <= kTenantBytes;
  if (!sound) return absl::DataLossError("disk tier: a slot's label is damaged");
  label->hash = {header.hash[0], header.hash[1]};
  label->parent = {header.parent[0], header.parent[1]};
  label->used_at = header.used_at;
  label->first_position = header.first_position;
  label->tenant = TenantId(std::string(header.tenant.data(), header.tenant_bytes));
  label->tokens.resize(static_cast<std::size_t>(header.tokens));
  std::memcpy(label->tokens.data(), page_.data() + sizeof(header),
              label->tokens.size() * sizeof(TokenId));
  *content_sum = header.content_sum;
  return absl::OkStatus();
}

absl::Status DiskBlockStore::Read(std::int32_t slot, BlockLabel* label,
                                  absl::Span<std::byte> bytes) {
  std::uint64_t content_sum = 0;
  PINTLE_RETURN_IF_ERROR(LoadLabel(slot, label, &content_sum));
  PINTLE_RETURN_IF_ERROR(
      ReadAll(file_, bytes, OffsetOf(slot) + static_cast<std::int64_t>(label_bytes_)));
  if (SumOf(bytes) != content_sum) {
    return absl::DataLossError("disk tier: a block's content is damaged");
  }
  return absl::OkStatus();
}

absl::Status DiskBlockStore::ReadLabel(std::int32_t slot, BlockLabel* label) {
  std::uint64_t content_sum = 0;
  return LoadLabel(slot, label, &content_sum);
}

absl::Status DiskBlockStore::Erase(std::int32_t slot) {
  std::fill(page_.begin(), page_.end(), std::byte{0});
  return WriteAll(file_, page_, OffsetOf(slot));
}

}  // namespace pintle::tier
