// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/tier_manifest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "contract/limits.h"
#include "contract/status_macros.h"

namespace pintle::tier {
namespace {

constexpr absl::string_view kFirstLine = "pintle-tier-manifest 1";
// A line of the longest names a session can have; a larger file is none of ours.
constexpr std::int64_t kBytesMax = static_cast<std::int64_t>(limits::kSessionsMaxDefault) * 5120;

std::string Hex(const kv::Hash128& hash) {
  return absl::StrCat(absl::Hex(hash.high, absl::kZeroPad16),
                      absl::Hex(hash.low, absl::kZeroPad16));
}

bool ParseHex(absl::string_view text, kv::Hash128* hash) {
  if (text.size() != 32) return false;
  return absl::SimpleHexAtoi(text.substr(0, 16), &hash->high) &&
         absl::SimpleHexAtoi(text.substr(16), &hash->low);
}

bool ParseGuarantee(const std::vector<absl::string_view>& words,
                    TierManifest::SessionEnd* session) {
  TierManifest::SessionEnd::Guarantee guarantee;
  std::int64_t until = 0;
  if (words[5] != "guaranteed" || !absl::SimpleAtoi(words[6], &guarantee.budget_tokens) ||
      guarantee.budget_tokens < 0 || !absl::SimpleAtoi(words[8], &until)) {
    return false;
  }
  guarantee.resident = words[7] == "resident";
  guarantee.lease_until = absl::FromUnixMillis(until);
  session->guarantee = guarantee;
  return true;
}

std::string SumOf(absl::string_view text) {
  return absl::StrCat("sum ", absl::Hex(XXH3_64bits(text.data(), text.size()), absl::kZeroPad16));
}

absl::Status Damaged() { return absl::DataLossError("disk tier: the manifest is damaged"); }

absl::Status Failed(const char* what) {
  return absl::InternalError(
      absl::StrCat("disk tier: ", what, ": ", std::generic_category().message(errno)));
}

absl::Status WriteFile(const std::string& path, absl::string_view text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed("the manifest cannot be written");
  bool written = fchmod(file, 0600) == 0;
  while (written && !text.empty()) {
    const ssize_t count = write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    written = count > 0;
    if (written) text.remove_prefix(static_cast<std::size_t>(count));
  }
  written = written && fsync(file) == 0;
  const absl::Status status =
      written ? absl::OkStatus() : Failed("the manifest cannot be written");
  close(file);
  return status;
}

}  // namespace

std::string TierManifest::Format() const {
  std::string text = absl::StrCat(kFirstLine, "\nkey ", Hex({hash_key[0], hash_key[1]}), "\n");
  for (const SessionEnd& session : sessions) {
    // An empty name would be no field at all.
    absl::StrAppend(&text, "session x", absl::BytesToHexString(session.key.tenant.value()), " x",
                    absl::BytesToHexString(session.key.session.value()), " ", session.tokens, " ",
                    Hex(session.tail));
    if (const auto& it = session.guarantee; it) {
      absl::StrAppend(&text, " guaranteed ", it->budget_tokens,
                      it->resident ? " resident " : " any ", absl::ToUnixMillis(it->lease_until));
    }
    text.push_back('\n');
  }
  absl::StrAppend(&text, SumOf(text), "\n");
  return text;
}

absl::StatusOr<TierManifest> TierManifest::Parse(absl::string_view text) {
  const std::size_t sum = text.rfind("sum ");
  if (sum == absl::string_view::npos ||
      text.substr(sum) != absl::StrCat(SumOf(text.substr(0, sum)), "\n")) {
    return Damaged();
  }
  TierManifest manifest;
  bool has_key = false;
  for (absl::string_view line : absl::StrSplit(text.substr(0, sum), '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    kv::Hash128 hash;
    if (words[0] == "key" && words.size() == 2 && ParseHex(words[1], &hash)) {
      manifest.hash_key = {hash.low, hash.high};
      has_key = true;
    } else if (words[0] == "session" && (words.size() == 5 || words.size() == 9) &&
               ParseHex(words[4], &hash)) {
      SessionEnd session;
      if (words.size() == 9 && !ParseGuarantee(words, &session)) return Damaged();
      session.tail = hash;
      if (!absl::SimpleAtoi(words[3], &session.tokens) || session.tokens < 1) return Damaged();
      session.key.tenant = TenantId(absl::HexStringToBytes(words[1].substr(1)));
      session.key.session = SessionId(absl::HexStringToBytes(words[2].substr(1)));
      manifest.sessions.push_back(std::move(session));
    } else if (line != kFirstLine) {
      return Damaged();
    }
  }
  if (!has_key) return Damaged();
  return manifest;
}

absl::StatusOr<TierManifest> LoadManifest(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/manifest");
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError("disk tier: no manifest yet");
  if (static_cast<std::int64_t>(size) > kBytesMax) return Damaged();
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("the manifest cannot be read");
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t count = read(file, text.data() + got, text.size() - got);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  close(file);
  if (got != text.size()) return Damaged();
  return TierManifest::Parse(text);
}

absl::Status SaveManifest(const std::string& folder, const TierManifest& manifest) {
  const std::string path = absl::StrCat(folder, "/manifest");
  const std::string fresh = absl::StrCat(path, ".new");
  PINTLE_RETURN_IF_ERROR(WriteFile(fresh, manifest.Format()));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return Failed("the manifest cannot be named");
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Failed("the folder cannot be synced");
  const bool synced = fsync(directory) == 0;
  const absl::Status status = synced ? absl::OkStatus() : Failed("the folder cannot be synced");
  close(directory);
  return status;
}

}  // namespace pintle::tier
