# SPDX-License-Identifier: Apache-2.0
"""A real httpd of the test's own, and a thin client for it."""
