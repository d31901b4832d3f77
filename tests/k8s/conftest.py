# SPDX-License-Identifier: Apache-2.0
"""What the tests of the packaging share. Their helpers for processes are those of the black-box tests."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "blackbox"))

from kubernetes_tools import Missing, Tools


@pytest.fixture(scope="session")
def tools():
    """Helm 3, Helm 4 and the types of Kubernetes; the test is skipped where they can not be had."""
    try:
        return Tools()
    except Missing as missing:
        pytest.skip(str(missing))
