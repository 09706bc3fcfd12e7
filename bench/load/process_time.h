// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_LOAD_PROCESS_TIME_H_
#define PINTLE_BENCH_LOAD_PROCESS_TIME_H_

#include <map>
#include <string>

namespace pintle {

// User and system seconds a process has used so far, as /proc/PID/stat counts them; 0 when it is
// gone.
double ProcessorSeconds(int pid);

// The same by thread name, summed over threads of one name; exited threads are left out. Seconds
// on a processor by the scheduler's own count, which is finer than ticks.
std::map<std::string, double> ThreadSeconds(int pid);

}  // namespace pintle

#endif  // PINTLE_BENCH_LOAD_PROCESS_TIME_H_
