# SPDX-License-Identifier: Apache-2.0
"""Waiting for an event, never longer than a deadline."""
import os
import time

# Sanitizer builds are several times slower.
SLOWNESS = float(os.environ.get("SLOTWAY_SLOWNESS", "1"))


def wait_until(condition, timeout_s, what):
    """Polls until condition() is true and returns its value; a failure is an AssertionError."""
    end = time.monotonic() + timeout_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {timeout_s * SLOWNESS:g} s: {what}")
        time.sleep(0.02)  # poll: what is waited for is another process's doing
