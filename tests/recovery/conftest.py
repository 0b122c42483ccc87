"""A session for tests of what comes back after a crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.session.conftest import Session, a_session


@pytest.fixture
def session() -> Iterator[Session]:
    """Give a session that is up."""
    with a_session() as made:
        made.pancode("up", "--detach")
        yield made


@pytest.fixture
def no_session() -> Iterator[Session]:
    """Give a place for a session, where none is up."""
    with a_session() as made:
        yield made
