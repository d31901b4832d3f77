# SPDX-License-Identifier: Apache-2.0
"""Runs one load against several servers in alternation and compares them."""
