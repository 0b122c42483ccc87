"""Sessions for the tests of the queue."""

from __future__ import annotations

from tests.session.conftest import no_session, session

__all__ = ["no_session", "session"]
