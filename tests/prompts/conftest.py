"""The session of the live tests."""

from tests.session.conftest import no_session, session

__all__ = ["no_session", "session"]
