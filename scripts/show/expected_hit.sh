#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the comparison $1 on the trace $2; without a trace says NOT RUN and fails.
set -euo pipefail

if [[ -z ${2:-} ]]; then
  echo 'NOT RUN: give a trace, TRACE=FILE'
  exit 1
fi
"$1" "$2"
