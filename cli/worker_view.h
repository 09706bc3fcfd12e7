// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_WORKER_VIEW_H_
#define PINTLE_CLI_WORKER_VIEW_H_

#include <string>

#include "pintle/v1/fleet.pb.h"

// Workers as people read them. Pure functions; everything a server said is made harmless.
namespace pintle {

// A table, one worker a row. What a worker did not report is "?", never zero.
std::string WorkerTable(const v1::ListWorkersResponse& response);

// Workers that take turns.
int ReadyWorkers(const v1::ListWorkersResponse& response);

}  // namespace pintle

#endif  // PINTLE_CLI_WORKER_VIEW_H_
