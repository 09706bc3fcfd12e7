// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_STATUS_MACROS_H_
#define PINTLE_CONTRACT_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Abseil 20220623 has no such macros of its own.
#define PINTLE_CONCAT_INNER(a, b) a##b
#define PINTLE_CONCAT(a, b) PINTLE_CONCAT_INNER(a, b)

// Returns the status to the caller unless it is OK.
#define PINTLE_RETURN_IF_ERROR(expression)                    \
  do {                                                        \
    if (absl::Status _status = (expression); !_status.ok()) { \
      return _status;                                         \
    }                                                         \
  } while (false)

// Declares `declaration` from a StatusOr, or returns its error to the caller.
#define PINTLE_ASSIGN_OR_RETURN(declaration, expression) \
  PINTLE_ASSIGN_OR_RETURN_INNER(PINTLE_CONCAT(_status_or_, __LINE__), declaration, expression)
#define PINTLE_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                          \
  if (!result.ok()) return std::move(result).status();                 \
  declaration = *std::move(result)

#endif  // PINTLE_CONTRACT_STATUS_MACROS_H_
