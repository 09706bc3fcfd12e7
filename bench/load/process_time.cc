// SPDX-License-Identifier: Apache-2.0
#include "bench/load/process_time.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace pintle {

double ProcessorSeconds(int pid) {
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string line;
  std::getline(stat, line);
  // The name may hold anything; what follows its closing bracket are fields 3 and on.
  const std::size_t end = line.rfind(')');
  if (end == std::string::npos) return 0;
  std::string rest = line.substr(end + 1);
  double ticks = 0;
  std::size_t at = 0;
  for (int field = 3; field <= 15; ++field) {
    at = rest.find_first_not_of(' ', at);
    if (at == std::string::npos) return 0;
    const std::size_t next = rest.find(' ', at);
    if (field >= 14) ticks += std::stod(rest.substr(at, next - at));
    at = next;
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::map<std::string, double> ThreadSeconds(int pid) {
  std::map<std::string, double> seconds;
  std::error_code gone;
  for (const auto& task :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"), gone)) {
    std::ifstream name_file(task.path() / "comm");
    std::ifstream time_file(task.path() / "schedstat");
    std::string name;
    double nanoseconds = 0;
    if (std::getline(name_file, name) && time_file >> nanoseconds) {
      seconds[name] += nanoseconds * 1e-9;
    }
  }
  return seconds;
}

}  // namespace pintle
