// SPDX-License-Identifier: Apache-2.0
#include "services/turns/client_connections.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace pintle {
namespace {

// A socket's other end as gRPC names it; empty when it is no TCP socket with one.
std::string PeerOf(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v4.sin_port));
  }
  if (address.ss_family != AF_INET6) return "";
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof(v6));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return absl::StrCat("ipv6:%5B", text, "%5D:", ntohs(v6.sin6_port));
}

// A duplicate of the descriptor of this process's socket with that peer; -1 when there is none.
// gRPC does not tell; it is asked for once in a connection's life.
int DescriptorOf(const std::string& peer) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
    const std::string name = entry.path().filename();
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (descriptor < 0 || PeerOf(descriptor) != peer) continue;
    const int ours = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    // It may have been closed, and its number given to another, between the two.
    if (ours >= 0 && PeerOf(ours) != peer) {
      close(ours);
      return -1;
    }
    return ours;
  }
  return -1;
}

}  // namespace

std::shared_ptr<ClientConnection> ClientConnections::Join(const std::string& peer) {
  std::shared_ptr<ClientConnection> connection;
  bool look = false;
  {
    absl::MutexLock lock(&mutex_);
    if (known_.size() >= swept_at_) {
      absl::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
      swept_at_ = std::max<std::size_t>(64, 2 * known_.size());
    }
    std::weak_ptr<ClientConnection>& known = known_[peer];
    connection = known.lock();
    if (connection == nullptr) {
      connection = std::make_shared<ClientConnection>();
      known = connection;
    }
    // Bursts share it too, for a moment: looking early does no harm.
    look = connection.use_count() >= static_cast<long>(kCallsMin) && connection->BeginSearch();
  }
  // Outside the lock: it asks the system about every open file.
  if (look) connection->Adopt(DescriptorOf(peer));
  return connection;
}

}  // namespace pintle
