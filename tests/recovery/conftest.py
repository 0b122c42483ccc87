"""Sessions for tests of what comes back after a crash: those of tests/session."""

from tests.session.conftest import no_session, session

__all__ = ["no_session", "session"]
