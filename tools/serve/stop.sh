#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stop.sh: stop what serve.sh started for this STATE.
set -euo pipefail
. "$(dirname "$0")/common.sh"

if ! running; then
    echo "Nothing is served from $state."
    exit 0
fi
stop_server
echo "Stopped. The state stays in $state."
