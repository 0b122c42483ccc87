"""Who answers model calls, and where: providers by name, and what a model's name resolves to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pancode.domains.panconfigure.api import Settings

Wire = Literal["openai-chat", "anthropic"]
"""The API that is spoken: OpenAI's Chat Completions at `<url>/chat/completions`, or Anthropic's Messages
at `<url>/v1/messages`."""
Engine = Literal["ollama", "lmstudio", "llamacpp", "openai", "anthropic"]
"""How a provider is asked for its models."""
Tier = Literal["frontier", "mid", "small"]
RANK: Mapping[str, int] = {"small": 0, "mid": 1, "frontier": 2}
"""The tiers in their order."""
Role = Literal["orchestrator", "worker", "scout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a model; None: nobody has said. `context` is in tokens."""

    context: int | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    vision: bool | None = None
    tier: Tier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who answers model calls: a built-in entry, or one of panproviders.yaml."""

    id: str
    name: str
    url: str
    wire: Wire = "openai-chat"
    engine: Engine = "openai"
    key_env: tuple[str, ...] = ()  # the first that is set has the key
    key_command: tuple[str, ...] = ()  # a program and its arguments that print it
    local: bool = False  # a machine of the operator's: it needs no key, and its tokens cost nothing
    models: Mapping[str, Facts] = field(default_factory=dict)  # those that the operator names
    source: Literal["built-in", "user", "machine"] = "built-in"
    line: int | None = None

    @property
    def needs_key(self) -> bool:
        """Whether nothing can be asked of it without one."""
        return bool(self.key_env or self.key_command) and not self.local


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the calls of one run go, and what its model can do. `key` is a value: it is never stored."""

    provider: str
    model: str
    wire: Wire
    url: str
    key: str | None = field(default=None, repr=False)
    context: int | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    vision: bool | None = None
    tier: Tier | None = None
    local: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model that a provider has, with all that is known of it.

    `size` is in billions of parameters; prices are dollars for a million tokens, 0 on machines of the
    operator's. `error`: why its provider can't be used now; None: it answered when it was last asked.
    """

    provider: str
    model: str
    facts: Facts
    local: bool
    size: float | None = None
    usd_in: float | None = None
    usd_out: float | None = None
    error: str | None = None
    took_ms: float | None = None

    @property
    def name(self) -> str:
        """The name by which it is asked for."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Slip:
    """Something wrong in panproviders.yaml: the entry is left out, the rest of the file is used."""

    file: str
    line: int
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        """Give the text that is printed for a person."""
        return f"{self.file}:{self.line}: {self.problem}" + (f"\n  try: {self.remedy}" if self.remedy else "")


class Reach(Protocol):
    """Which models the operator's own settings reach."""

    def too_far(self, model: str, own: Settings, who: str) -> str | None:
        """Say why `who` may not choose the model; None: what the operator has named reaches it.

        `own` are the settings without the project's word; `who` begins the sentence, such as "a project".
        """


def reach(home: str) -> Reach:
    """Give the reach of the operator whose home directory it is; nothing is read before it is asked."""
    from pancode.domains.providers.reach import OwnReach

    return OwnReach(home)


def tier_by_name(model: str | None) -> Tier:
    """Give how capable a model is by its name alone; "mid" where that tells nothing.

    >>> [tier_by_name(name) for name in ("qwen2.5-coder:3b", "claude-opus-4", "gpt-5-mini", None)]
    ['small', 'frontier', 'mid', 'mid']
    """
    from pancode.domains.providers.families import known

    return known(model or "", Facts(), local=False).tier or "mid"


class Providers(Protocol):
    """The providers domain's service."""

    def all(self, environment: Mapping[str, str]) -> Sequence[Provider]:
        """Give every usable provider: of panproviders.yaml, of the operator's machines, built in."""

    def models(self, environment: Mapping[str, str]) -> Sequence[Model]:
        """Give every model that some provider has told of, or that panproviders.yaml names."""

    def ready(self, environment: Mapping[str, str]) -> Sequence[Model]:
        """Give the models whose provider answers, as far as anybody knows, and has its key."""

    def costs_nothing(self, model: str, environment: Mapping[str, str], provider: str | None = None) -> bool:
        """Whether a model of this name runs on machines of the operator's alone.

        `provider` is whom its calls go to, as runs have it: a name, or an address such as `10.0.0.7:8000`; a
        model that is also somewhere of the operator's may be paid for there.
        """

    def facts(self, model: str) -> Facts:
        """Give what is known of a vendor's model by its name alone, as agent CLIs name it."""

    def slips(self) -> Sequence[Slip]:
        """Give what is wrong in panproviders.yaml, in its order."""

    def resolve(
        self,
        model: str | None,
        environment: Mapping[str, str],
        role: Role = "worker",
        endpoint: str | None = None,
    ) -> Target:
        """Give where calls to the model go: `provider/model`, or a bare name that some provider has.

        None: the model that the environment names for the role, else the best one that answers.
        `endpoint` is an address of the operator's own choosing, which outranks every provider. `environment`
        is the operator's. A key command is run here, for five seconds at most, once in a while.
        PanError NOT_FOUND: nobody has the model; CONFIG: its key is missing, or its entry has a mistake.
        """
