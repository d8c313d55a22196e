# SPDX-License-Identifier: Apache-2.0
"""The Python runtime of mod_mlserver: runs published code in worker processes.

Speaks the protocol of docs/internals/worker-protocol.md.
"""

PROTOCOL = 1
