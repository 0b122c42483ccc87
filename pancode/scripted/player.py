"""Which turn of the script answers a request: read from the request's own history."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pancode.scripted.conversation import Ask
from pancode.scripted.script import Conversation, Failure, Reply, Script, Turn, Usage, plain_reply

HELPER_TEXT = "Scripted conversation"
_HELPER_USAGE = Usage(input=10, cache_read=0, cache_write=0, output=3, reasoning=0)


@dataclass(frozen=True, slots=True)
class Played:
    """The turn to play; `number` counts from 1, None = an answer that no turn gave."""

    number: int | None
    turn: Turn


class Player:
    """A script and its only memory: how often each error and each cut has been played."""

    def __init__(self, script: Script) -> None:
        """Start with nothing played."""
        self._script = script
        self._played: Counter[tuple[str, int]] = Counter()

    def answer(self, ask: Ask, session: str) -> Played:
        """Give the turn for this request; only errors and cuts that have `times` are counted.

        `session` is what the client calls its session, empty where it says nothing.
        """
        if ask.is_helper():
            return Played(None, plain_reply(HELPER_TEXT, _HELPER_USAGE))
        conversation = self._choose(ask)
        key = _conversation_key(ask, session)
        for number, turn in _due(conversation.turns, ask.replies):
            if self._is_spent(key, number, turn):
                continue
            return Played(number, _spoken(turn, ask, conversation))
        last = conversation.turns[-1] if conversation.turns else None
        usage = last.usage if isinstance(last, Reply) else Usage()
        return Played(None, _spoken(plain_reply(conversation.closing_text(), usage), ask, conversation))

    def _choose(self, ask: Ask) -> Conversation:
        """Let the latest prompt that names a script decide, so that a follow-up may change it."""
        for prompt in reversed(ask.prompts):
            for conversation in self._script.conversations:
                if conversation.when is not None and conversation.when in prompt:
                    return conversation
        return self._script.default

    def _is_spent(self, key: str, number: int, turn: Turn) -> bool:
        if turn.times is None:
            return False
        spent = self._played[key, number] >= turn.times
        if not spent:
            self._played[key, number] += 1
        return spent


def _due(turns: tuple[Turn, ...], replies: int) -> Iterator[tuple[int, Turn]]:
    """Give, with numbers from 1, the turns that may come after so many replies with tool calls."""
    for number, turn in enumerate(turns, start=1):
        if isinstance(turn, Failure) or turn.cut:
            # It leaves no reply in the history, so only the counters know about it.
            if replies == 0 or turn.times is None:
                yield number, turn
        elif replies > 0 and turn.actions:
            replies -= 1
        else:
            yield number, turn


def _spoken(turn: Turn, ask: Ask, conversation: Conversation) -> Turn:
    if isinstance(turn, Failure):
        return turn
    text = turn.text
    if turn.actions and not ask.tools:
        # A client without tools can't act, so it hears the end of the story at once.
        text, turn = text or conversation.closing_text(), replace(turn, actions=())
    return replace(turn, text=text.replace("{prompt}", ask.prompt()))


def _conversation_key(ask: Ask, session: str) -> str:
    seed = "\0".join((session, ask.opening, str(len(ask.prompts))))
    return hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()
