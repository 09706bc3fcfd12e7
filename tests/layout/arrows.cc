// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/arrows.h"

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>

namespace pintle::layout {
namespace {

// Room -> the rooms it may include. The comment of a group says why its arrows stop there. The
// order is that of the root CMakeLists.txt: an arrow points upwards only.
const std::map<std::string, std::set<std::string>, std::less<>>& Arrows() {
  static const std::map<std::string, std::set<std::string>, std::less<>> kArrows = {
      // Vocabulary.
      {"contract", {}},
      {"sessions", {"contract"}},
      // Pure rooms of a worker: no LibTorch, no gRPC, no Rust, so that sanitizers see all of it.
      {"worker/kv", {"contract"}},
      {"worker/tier", {"contract", "worker/kv", "worker/model/seam"}},
      {"worker/laboratory", {"contract", "worker/kv"}},
      {"worker/model/seam", {"contract"}},
      {"worker/text/seam", {"contract"}},
      {"worker/sampling", {"contract", "worker/model/seam"}},
      {"worker/scheduler", {"contract", "worker/kv"}},
      {"worker/speculation", {"contract", "worker/scheduler"}},
      {"worker/engine",
       {"contract", "worker/kv", "worker/tier", "worker/sampling", "worker/scheduler",
        "worker/speculation", "worker/model/seam", "worker/text/seam"}},
      {"worker/turn",
       {"contract", "sessions", "worker/kv", "worker/model/seam", "worker/text/seam",
        "worker/engine"}},
      // Linked into ThreadSanitizer builds.
      {"cmake", {"contract"}},
      // Pure rooms of services and of the coordinator.
      {"services/outbox", {"contract"}},
      {"coordinator/membership", {"contract", "sessions"}},
      {"coordinator/routing", {"contract", "sessions", "coordinator/membership"}},
      {"coordinator/streams",
       {"contract", "sessions", "coordinator/membership", "coordinator/routing"}},
      {"coordinator/admission", {"contract", "sessions"}},
      {"coordinator/placement",
       {"contract", "sessions", "coordinator/membership", "coordinator/routing",
        "coordinator/streams", "coordinator/admission"}},
      // Linked rooms. The engine never sees these; they meet it through the seams.
      {"worker/text/bridge", {"contract"}},
      {"worker/text", {"contract", "worker/text/seam", "worker/text/bridge"}},
      {"worker/model", {"contract", "worker/model/seam", "worker/sampling", "worker/text/bridge"}},
      // The words on the wire know neither kind of process.
      {"services", {"contract", "sessions", "services/outbox"}},
      {"worker",
       {"contract", "sessions", "services", "services/outbox", "worker/kv", "worker/tier",
        "worker/model/seam", "worker/text/seam", "worker/sampling", "worker/scheduler",
        "worker/speculation", "worker/engine", "worker/turn", "worker/text", "worker/text/bridge",
        "worker/model"}},
      {"coordinator",
       {"contract", "sessions", "services", "services/outbox", "coordinator/membership",
        "coordinator/routing", "coordinator/streams", "coordinator/admission",
        "coordinator/placement"}},
      // The only places that see both kinds of process.
      {"cli", {"*"}},
      {"bench", {"*"}},
  };
  return kArrows;
}

struct Include {
  int line = 0;
  std::string path;
};

std::vector<Include> IncludesOf(const SourceFile& file) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
  std::vector<Include> includes;
  int number = 0;
  for (const std::string& line : LinesOf(file.text)) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) includes.push_back({number, match[1]});
  }
  return includes;
}

std::string At(const SourceFile& file, const Include& include) {
  return file.path + ":" + std::to_string(include.line) + ": ";
}

bool StartsWithAny(std::string_view path, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [path](std::string_view start) { return path.starts_with(start); });
}

bool MayUseTorch(std::string_view path) {
  return (IsBelow(path, "worker/model") && !IsBelow(path, "worker/model/seam")) ||
         IsBelow(path, "tests/worker/model");
}

// Rooms whose code, and whose tests, are built without gRPC.
bool IsPure(std::string_view room) {
  static const std::set<std::string, std::less<>> kLinked = {"",
                                                             "services",
                                                             "cli",
                                                             "bench",
                                                             "worker",
                                                             "coordinator",
                                                             "worker/text",
                                                             "worker/model",
                                                             "worker/text/bridge"};
  return !kLinked.contains(room);
}

bool MayUseGrpc(std::string_view path) {
  if (IsBelow(path, "tests")) return !IsPure(RoomOf(path.substr(path.find('/') + 1)));
  const std::string room = RoomOf(path);
  return StemOf(path) == "main" || room == "services" || room == "cli" || room == "bench" ||
         IsBelow(path, "worker/process") || IsBelow(path, "coordinator/process");
}

}  // namespace

std::string RoomOf(std::string_view path) {
  std::string folder = FolderOf(path);
  while (!folder.empty() && !Arrows().contains(folder)) folder = FolderOf(folder);
  return folder;
}

Violations WrongArrows(const std::vector<SourceFile>& files) {
  Violations wrong;
  for (const SourceFile& file : files) {
    if (!IsCpp(file.path) || IsBelow(file.path, "tests")) continue;
    const std::string room = RoomOf(file.path);
    if (room.empty()) {
      wrong.push_back(file.path + ":1: the folder is in no room of tests/layout/arrows.cc");
      continue;
    }
    const std::set<std::string>& allowed = Arrows().find(room)->second;
    for (const Include& include : IncludesOf(file)) {
      const std::string target = RoomOf(include.path);
      const bool to_tests = IsBelow(include.path, "tests");
      if (to_tests || (!target.empty() && target != room && !allowed.contains(target) &&
                       !allowed.contains("*"))) {
        wrong.push_back(At(file, include) + room + " may not include " + include.path);
      }
    }
  }
  return wrong;
}

Violations WrongLibraries(const std::vector<SourceFile>& files) {
  Violations wrong;
  for (const SourceFile& file : files) {
    if (!IsCpp(file.path)) continue;
    for (const Include& include : IncludesOf(file)) {
      const std::string_view path = include.path;
      const bool torch = StartsWithAny(path, {"ATen/", "c10/", "torch/", "caffe2/"});
      const bool grpc = StartsWithAny(path, {"grpc/", "grpcpp/", "grpc++/", "google/protobuf/"}) ||
                        path.ends_with(".pb.h");
      if (path == "torch/torch.h" || path == "torch/all.h") {
        wrong.push_back(At(file, include) + "costs 25 s a file; include narrow ATen headers");
      } else if (torch && !MayUseTorch(file.path)) {
        wrong.push_back(At(file, include) + "LibTorch belongs to worker/model");
      } else if (grpc && !MayUseGrpc(file.path)) {
        wrong.push_back(At(file, include) + "gRPC and Protobuf belong to services, cli and mains");
      }
    }
  }
  return wrong;
}

}  // namespace pintle::layout
