// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/usable_cores.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "worker/model/cpu/core_pinning.h"

namespace pintle::model::cpu {
namespace {

namespace fs = std::filesystem;

// The fields of a file's first line; none when it cannot be read.
std::vector<std::string> Fields(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return {};
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

// "max" and v1's -1 are no limit.
std::optional<double> Share(absl::string_view quota, absl::string_view period) {
  double spent = 0;
  double of = 0;
  if (!absl::SimpleAtod(quota, &spent) || !absl::SimpleAtod(period, &of)) return std::nullopt;
  if (spent <= 0 || of <= 0) return std::nullopt;
  return spent / of;
}

std::optional<double> QuotaOf(const fs::path& group) {
  const std::vector<std::string> both = Fields(group / "cpu.max");
  if (both.size() == 2) return Share(both[0], both[1]);
  const std::vector<std::string> quota = Fields(group / "cpu.cfs_quota_us");
  const std::vector<std::string> period = Fields(group / "cpu.cfs_period_us");
  if (quota.empty() || period.empty()) return std::nullopt;
  return Share(quota[0], period[0]);
}

// The smallest quota from `group` up to the mount itself. A group that is not there is one that a
// container cannot see: what is mounted is then its own.
std::optional<double> SmallestQuota(const fs::path& mount, const fs::path& group) {
  std::optional<double> smallest;
  const auto take = [&smallest](const std::optional<double>& quota) {
    if (quota) smallest = std::min(smallest.value_or(*quota), *quota);
  };
  take(QuotaOf(mount));
  fs::path folder = mount;
  for (const fs::path& name : group.relative_path()) {
    folder /= name;
    take(QuotaOf(folder));
  }
  return smallest;
}

}  // namespace

std::optional<double> CpuQuota(const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  std::string line;
  std::optional<double> smallest;
  while (std::getline(groups, line)) {
    // hierarchy:controllers:path; v2 has no controllers.
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    const bool v2 = parts[1].empty();
    if (!v2 && std::find(controllers.begin(), controllers.end(), "cpu") == controllers.end()) {
      continue;
    }
    // v1 mounts each set of controllers in a folder of its name, and most systems link "cpu" to it.
    const std::optional<double> quota =
        SmallestQuota(v2 ? mounts : mounts / (fs::exists(mounts / parts[1]) ? parts[1] : "cpu"),
                      fs::path(parts[2]));
    if (quota) smallest = std::min(smallest.value_or(*quota), *quota);
  }
  return smallest;
}

int UsableCores(int allowed, std::optional<double> quota) {
  // More than the processors there are pays for all of them; compared before it is made an int.
  if (quota && *quota < allowed) allowed = static_cast<int>(*quota);
  return std::max(1, allowed);
}

int UsableCores() {
  return UsableCores(static_cast<int>(AllowedCores().size()), CpuQuota("/"));
}

}  // namespace pintle::model::cpu
