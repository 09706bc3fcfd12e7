// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_WORKER_MAIN_H_
#define PINTLE_WORKER_PROCESS_WORKER_MAIN_H_

#include "worker/process/model_parts.h"

namespace pintle {

// The whole of a worker's main: flags, model, serving until SIGTERM or SIGINT, draining. Returns
// the exit code: 0 after a drain, 1 when it could not start, 2 for faulty flags. The fake worker of
// the process tests is the same with another loader.
int WorkerMain(int argc, char** argv, const char* name, const ModelLoader& load);

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_WORKER_MAIN_H_
