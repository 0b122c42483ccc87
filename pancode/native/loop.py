"""The model loop of one run: the last message of the conversation says what comes next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse

from pancode.core.conversation import LETTERS, UNKNOWN_WINDOW, is_full
from pancode.native import compacting, retries, sharing
from pancode.native.acting import Acting
from pancode.native.control import Control
from pancode.native.ending import MOST_NUDGES, End, Fullness
from pancode.native.job import Job
from pancode.native.journal import Journal, UnkeptError
from pancode.native.messages import EMPTY_TEXT, Messages, Parts, parameters, sound
from pancode.native.model import Made, steps
from pancode.native.records import Records, usage_of
from pancode.native.remote import Offer, Remote
from pancode.native.visible import shown
from pancode.worker.tools.catalogue import TOOLS

GO_ON = "Your answer was cut off at the longest that it may be. Go on where it broke off."
SAY_SOMETHING = "Your answer was empty. Go on with the task; when it is done, say so in words."


@dataclass(frozen=True, slots=True)
class Request:
    """What goes with the messages, and the tokens of the model's window, None where nobody knows them."""

    instructions: str | None
    offered: Sequence[Offer]
    window: int | None

    @property
    def fixed(self) -> int:
        """Estimate the tokens that it takes without any message."""
        return (len(self.instructions or "") + sum(len(json.dumps(each)) for each in self.offered)) // LETTERS


class Loop:
    """Asks the model, has its calls executed, and writes down each step before the next begins."""

    def __init__(
        self, job: Job, made: Made, journal: Journal, records: Records, control: Control, acting: Acting
    ) -> None:
        """Begin nothing yet."""
        self._job = job
        self._made = made
        self._journal = journal
        self._records = records
        self._control = control
        self._acting = acting
        self._nudges = 0
        self._fullness = Fullness()
        if job.native["remote"]:
            acting.remote = Remote(job.socket, job.run)

    async def work(self, messages: Messages) -> None:
        """Go on with a conversation until the run has its final record."""
        self._records.say({"kind": "session", "id": self._job.run})
        if messages.open_calls or self._job.native["remote"]:
            await self._control.there.wait()
        try:
            while (result := self._result(messages)) is None:
                await self._control.going.wait()
                if messages.open_calls:
                    await self._acting.perform(messages)
                else:
                    await self._ask(messages)
        except End as end:
            self._records.say(end.record(messages.turns, messages.model))
        else:
            turns, model = messages.turns, messages.model
            self._records.say(
                {"kind": "finished", "ok": True, "result": result, "turns": turns, "model": model}
            )

    def _result(self, messages: Messages) -> str | None:
        """Give the model's last word, if this is it; an answer that is none gets a word of ours."""
        last = messages.last
        if last is None or messages.open_calls:
            return None
        parts = Parts(last)
        empty = parts.text in ("", EMPTY_TEXT)
        if (not empty and not parts.is_cut) or self._nudges >= MOST_NUDGES:
            if empty:
                raise End("agent-error", "the model gives empty answers")
            return parts.text
        self._nudges += 1
        messages.results((), GO_ON if parts.is_cut else SAY_SOMETHING)
        return None

    async def _ask(self, messages: Messages) -> None:
        """Make one step: ask the model, again where that helps."""
        most = self._job.max_turns
        if most is not None and messages.turns >= most:
            raise End("budget", f"more than {most} turns")
        self._records.say({"kind": "turn", "model": self._job.native["model"]})
        response = await self._tried(lambda: self._answer(messages))
        self._records.say(usage_of(response.usage))
        messages.answered(response)
        self._journal.save(messages)

    async def _tried(self, ask: Callable[[], Awaitable[ModelResponse]]) -> ModelResponse:
        attempt = 1
        while True:
            try:
                return await ask()
            except (End, UnkeptError):
                raise
            except Exception as error:  # noqa: BLE001 -- whatever a server or its library does, `read` has a word for it
                trouble = retries.read(error)
            attempt += 1
            wait_s = retries.wait_before(attempt, trouble)
            if wait_s is None:
                raise End(trouble.reason, trouble.why, trouble.http)
            self._records.say(
                {
                    "kind": "retrying",
                    "attempt": attempt,
                    "of": retries.TRIES,
                    "wait_s": wait_s,
                    "http": trouble.http,
                    "why": trouble.why,
                }
            )
            await asyncio.sleep(wait_s)
            await self._control.going.wait()

    async def _answer(self, messages: Messages) -> ModelResponse:
        offered, instructions = await self._offer()
        request = Request(instructions, offered, self._job.native.get("window"))
        used = compacting.used(messages.all, request.fixed)
        if is_full(used, request.fixed, request.window) and self._may_compact(messages):
            await self._compact(messages, request, used)
        try:
            return await self._heard(messages.all, request, is_shown=True)
        except ModelHTTPError as error:
            if not retries.is_too_long(error) or not self._may_compact(messages):
                raise
            await self._compact(messages, request, used)
        return await self._heard(messages.all, request, is_shown=True)

    def _may_compact(self, messages: Messages) -> bool:
        """Whether there is something to be summed up; the controller does that between Panos's turns."""
        own = messages.answers if self._job.native["remote"] else messages.all
        return any(isinstance(each, ModelResponse) for each in own)

    async def _compact(self, messages: Messages, request: Request, used: int) -> None:
        """Let a summary take the place of the conversation; where there is none, long results are cut."""
        self._fullness.note(messages.turns)
        most = min(used, request.window or UNKNOWN_WINDOW)
        why = f"the conversation, of some {used:,} tokens, fills the model's window"
        self._records.say({"kind": "notice", "text": f"{why}: a summary takes its place"})
        clipped = compacting.clipped(messages.all, request.fixed, most)
        summary = ""
        try:
            response = await self._heard([*clipped, compacting.ASKING], request, is_shown=False)
        except ModelHTTPError as error:
            if retries.read(error).again:
                raise
        else:
            self._records.say(usage_of(response.usage))
            summary = Parts(response).text
        messages.begin_anew(compacting.summed_up(self._job.task, summary) if summary else clipped)
        self._journal.begin_anew(messages)

    async def _heard(
        self, messages: Sequence[ModelMessage], request: Request, *, is_shown: bool
    ) -> ModelResponse:
        """Give the answer to a request; what `is_shown` is told as it comes."""
        found: ModelResponse | None = None
        offered = parameters(request.offered)
        async for step in steps(self._made, messages, request.instructions, offered):
            if not isinstance(step, str):
                found = step
            elif is_shown:
                self._records.say({"kind": "text", "text": sound(step), "delta": True})
        if found is None:
            raise ValueError("the stream had no answer in it")
        return found

    async def _offer(self) -> tuple[list[Offer], str | None]:
        """Give the tools of this step, by the mode and level of this moment, and the instructions for it."""
        job = self._job
        given, now, named = job.given, job.now, job.native["tools"]
        role = job.native["role"]
        local = shown(given, now, named, role)
        offered: list[Offer] = [(tool.name, tool.says, tool.schema) for tool in local]
        if self._acting.remote is not None:
            remote = await self._acting.remote.offered()
            self._acting.remote_names = frozenset(name for name, _, _ in remote) - set(TOOLS)
            offered += [each for each in remote if each[0] in self._acting.remote_names]
        elif sharing.is_offered(job):
            offered.append(sharing.offer(now))
        gone = [tool.name for tool in shown(given, given, named, role) if tool not in local]
        words = [job.native["system"] or ""]
        if gone:
            words.append(
                f"At this moment you may not use {', '.join(gone)}: "
                f"the session is in {now.mode} mode at {now.level}."
            )
        return offered, "\n\n".join(filter(None, words)) or None


def opened(job: Job, journal: Journal) -> Messages:
    """Give the conversation that a run goes on with; raise OSError, ValueError for one that is none."""
    found = journal.load()
    if found is None:
        found = Messages() if job.earlier is None else journal.follow(job.earlier)
        # Nothing is lost before the first answer: until then the task is all there is.
        found.ask(job.task)
    return found
