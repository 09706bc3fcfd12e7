// SPDX-License-Identifier: Apache-2.0
#include "services/turns/client_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace pintle {
namespace {

struct Burst {
  bool open = false;
  std::vector<std::shared_ptr<ClientConnection>> held;
};

Burst& ThisBurst() {
  thread_local Burst burst;
  return burst;
}

void SetCork(int descriptor, int held) {
  // A socket that is already closed refuses, which is as good.
  static_cast<void>(setsockopt(descriptor, IPPROTO_TCP, TCP_CORK, &held, sizeof(held)));
}

}  // namespace

ClientConnection::~ClientConnection() {
  if (descriptor_ < 0) return;
  {
    absl::MutexLock lock(&mutex_);
    if (state_ != State::kFree) Send();
  }
  close(descriptor_);
}

void ClientConnection::Hold() {
  if (descriptor_ < 0) return;
  Burst& burst = ThisBurst();
  bool joins = false;
  {
    absl::MutexLock lock(&mutex_);
    if (state_ == State::kFree) SetCork(descriptor_, 1);
    if (burst.open) {
      const auto same = [this](const auto& held) { return held.get() == this; };
      joins = std::none_of(burst.held.begin(), burst.held.end(), same);
      if (joins) ++bursts_;
      state_ = State::kHeldByBurst;
    } else if (state_ == State::kFree) {
      state_ = State::kHeld;
    }
  }
  if (joins) burst.held.push_back(shared_from_this());
}

void ClientConnection::Release() {
  if (descriptor_ < 0) return;
  absl::MutexLock lock(&mutex_);
  if (state_ == State::kHeld) Send();
}

void ClientConnection::Send() {
  state_ = State::kFree;
  SetCork(descriptor_, 0);
}

void ClientConnection::BeginBurst() { ThisBurst().open = true; }

void ClientConnection::EndBurst() {
  Burst& burst = ThisBurst();
  burst.open = false;
  for (const auto& connection : burst.held) {
    absl::MutexLock lock(&connection->mutex_);
    if (--connection->bursts_ == 0) connection->Send();
  }
  burst.held.clear();
}

}  // namespace pintle
