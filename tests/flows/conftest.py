"""Sessions for the tests of flows."""

from tests.session.conftest import no_session, session, shared

__all__ = ["no_session", "session", "shared"]
