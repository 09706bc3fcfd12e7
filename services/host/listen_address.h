// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_LISTEN_ADDRESS_H_
#define PINTLE_SERVICES_HOST_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pintle {

// HOST:PORT of a flag. The host is a name, an IPv4 address or an IPv6 address in brackets.
struct ListenAddress {
  std::string host;
  int port = 0;

  // INVALID_ARGUMENT naming the flag. Port 0 asks the system for one.
  static absl::StatusOr<ListenAddress> Parse(absl::string_view flag, absl::string_view text);

  // Whether only this machine can reach it: 127.0.0.0/8, ::1 and "localhost".
  bool IsLoopback() const;
  // HOST:PORT, with brackets where they are needed.
  std::string ToString() const;
};

// Why the address cannot be bound right now, from the system: "Address already in use".
std::string BindProblem(const ListenAddress& address);

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_LISTEN_ADDRESS_H_
