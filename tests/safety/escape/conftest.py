"""Who makes the attempts, and whether there is a sandbox to get out of."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.safety.escape.who import Who, everybody

WHO = everybody()


@pytest.fixture(params=WHO, ids=[who.name for who in WHO])
def who(request: pytest.FixtureRequest) -> Who:
    chosen = request.param
    assert isinstance(chosen, Who)
    return chosen


@pytest.fixture
def enclosed(who: Who) -> Who:
    """Skip where this machine has no sandbox to get out of."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        pytest.skip("there is no bwrap here, so no full sandbox")
    tried = subprocess.run(
        [*who.prefix, "bwrap", "--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"],
        check=False,
        capture_output=True,
    )
    if tried.returncode:
        pytest.skip("user namespaces are blocked here, so there is no full sandbox")
    return who
