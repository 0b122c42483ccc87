"""Run ids."""

from __future__ import annotations

import random

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import new_id, resolve


def test_a_new_id_is_never_one_that_is_taken_and_never_looks_like_a_number() -> None:
    pick = random.Random(1).choice  # noqa: S311 -- a test wants the same ids each time
    taken: set[str] = set()
    for _ in range(3000):
        name = new_id(taken, pick)
        assert name not in taken
        assert name[0].isalpha()
        taken.add(name)


def test_a_prefix_must_mean_one_run() -> None:
    assert resolve("k3", ["k3f", "m22"]) == "k3f"
    for wrong, words in (("k", "could be"), ("z", "no run"), ("", "no run")):
        with pytest.raises(PanError, match=words) as caught:
            resolve(wrong, ["k3f", "kk2"])
        assert caught.value.code is ExitCode.NOT_FOUND
