// SPDX-License-Identifier: Apache-2.0
#include "worker/process/torch_model.h"
#include "worker/process/worker_main.h"

int main(int argc, char** argv) {
  return pintle::WorkerMain(argc, argv, "pintle-worker", pintle::LoadTorchModel);
}
