"""What goes wrong between PanCode and tmux, as errors that a person can be shown."""

from __future__ import annotations

from pancode.core.errors import ExitCode, PanError


class TmuxError(PanError):
    """Tmux refused a command; `message` is its own text."""

    def __init__(
        self, message: str, *, remedy: str | None = None, code: ExitCode = ExitCode.ENVIRONMENT
    ) -> None:
        """Keep tmux's message apart from the sentence around it."""
        super().__init__(f"tmux says: {message}", remedy=remedy, code=code)
        self.message = message


class TmuxGoneError(TmuxError):
    """The server, or the connection to it, went away before it answered."""

    def __init__(self, message: str) -> None:
        """Say what is lost and how to get it back."""
        super().__init__(message, remedy="pancode up", code=ExitCode.UNREACHABLE)


class TmuxTimeoutError(TmuxError):
    """The server didn't answer in time: it hangs or is stopped."""

    def __init__(self, message: str) -> None:
        """Say how to get rid of a server that hangs."""
        super().__init__(message, remedy="pancode down", code=ExitCode.UNREACHABLE)
