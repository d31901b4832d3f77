# SPDX-License-Identifier: Apache-2.0
"""How well a server at maxmemory chooses what to evict."""
