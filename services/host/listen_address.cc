// SPDX-License-Identifier: Apache-2.0
#include "services/host/listen_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pintle {
namespace {

absl::Status Bad(absl::string_view flag, absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " ", text, ": ", why, "; give HOST:PORT, such as 127.0.0.1:7070"));
}

bool AllDigits(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

}  // namespace

absl::StatusOr<ListenAddress> ListenAddress::Parse(absl::string_view flag, absl::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Bad(flag, text, "has no port");
  ListenAddress address;
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  if (!AllDigits(port) || !absl::SimpleAtoi(port, &address.port) || address.port > 65535) {
    return Bad(flag, text, "the port is no number from 0 to 65535");
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {
    return Bad(flag, text, "an IPv6 address needs brackets");
  }
  if (host.empty()) return Bad(flag, text, "has no host");
  address.host = std::string(host);
  return address;
}

bool ListenAddress::IsLoopback() const {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  // Any other name may be given any address by whoever runs the resolver.
  return absl::EqualsIgnoreCase(host, "localhost");
}

std::string ListenAddress::ToString() const {
  const bool v6 = absl::StrContains(host, ':');
  return absl::StrCat(v6 ? "[" : "", host, v6 ? "]" : "", ":", port);
}

std::string BindProblem(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int code =
      getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (code != 0) return gai_strerror(code);
  std::string problem = "cannot be listened on";
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const int fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    // As gRPC binds, so that a port in TIME_WAIT is not called busy.
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, each->ai_addr, each->ai_addrlen) != 0 || listen(fd, 1) != 0) {
      problem = std::strerror(errno);
    }
    close(fd);
  }
  freeaddrinfo(found);
  return problem;
}

}  // namespace pintle
