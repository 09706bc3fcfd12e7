// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_TRACE_READER_H_
#define PINTLE_WORKER_LABORATORY_TRACE_READER_H_

#include <istream>

#include "absl/status/statusor.h"
#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// Reads JSON lines, one request each, in the shape of the Mooncake traces:
//   {"timestamp": 3000, "input_length": 1200, "output_length": 40, "hash_ids": [0, 7, 8]}
// and of our own recordings, which add "session": "NAME". `timestamp` (milliseconds, from 0) and
// `hash_ids` (integers of 64 bits; equal ids after equal ids are equal blocks) are required; other
// fields are skipped. Requests are put in order of time, equal times as the file has them; one
// without blocks is left out, empty lines are none.
// INVALID_FIELD names line and field; lines, ids a line and ids in all are bounded.
absl::StatusOr<Trace> ReadTrace(std::istream& in);

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_TRACE_READER_H_
