# SPDX-License-Identifier: Apache-2.0
"""Random streams of commands for tests that compare two servers."""
