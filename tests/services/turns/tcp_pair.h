// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_SERVICES_TURNS_TCP_PAIR_H_
#define PINTLE_TESTS_SERVICES_TURNS_TCP_PAIR_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "contract/check.h"

namespace pintle {

// Two ends of a TCP connection over loopback. Owns both.
class TcpPair {
 public:
  TcpPair() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    PINTLE_CHECK(bind(listener, any, size) == 0 && listen(listener, 1) == 0, "loopback");
    PINTLE_CHECK(getsockname(listener, any, &size) == 0, "it has a port now");
    client_ = socket(AF_INET, SOCK_STREAM, 0);
    PINTLE_CHECK(connect(client_, any, size) == 0, "somebody listens");
    server_ = accept(listener, any, &size);
    peer_ = absl::StrCat("ipv4:127.0.0.1:", ntohs(address.sin_port));
    close(listener);
  }
  ~TcpPair() {
    close(client_);
    close(server_);
  }
  TcpPair(const TcpPair&) = delete;
  TcpPair& operator=(const TcpPair&) = delete;

  // The client as gRPC names it to the server.
  const std::string& peer() const { return peer_; }
  // A descriptor of the server's end for somebody else to own.
  int Duplicate() const { return fcntl(server_, F_DUPFD_CLOEXEC, 0); }
  // Whether the server's end holds what is written to it.
  bool Held() const {
    int held = -1;
    socklen_t size = sizeof(held);
    getsockopt(server_, IPPROTO_TCP, TCP_CORK, &held, &size);
    return held == 1;
  }

 private:
  int client_ = -1;
  int server_ = -1;
  std::string peer_;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_SERVICES_TURNS_TCP_PAIR_H_
