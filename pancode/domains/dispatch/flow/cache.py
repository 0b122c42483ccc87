"""Results of earlier flows, by a hash of all that they depend on: nothing is paid for twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.dispatch.flow.definition import Node
from pancode.domains.dispatch.flow.state import Outcome
from pancode.domains.dispatch.flow.template import Output, Values, cut
from pancode.engine import files

V = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Depends:
    """What a unit's result depends on. `agent` is the whole definition; `before` the keys of what it needs.

    `tree` stands for the files that it may look at, and for the commit that they go back to.
    """

    node: Node
    agent: Mapping[str, Any]
    values: Values
    before: tuple[str, ...]
    tree: str


def key_of(depends: Depends) -> str:
    """Give the hash. Where an output lies on the disk, and how often it is tried, doesn't matter."""
    node = depends.node
    values = depends.values
    told = {
        "v": V,
        "task": node.task,
        "model": node.model,
        "verify": node.verify,
        "isolate": node.isolate,
        "gives_input": node.gives_input,
        "agent": dict(depends.agent),
        "original": values.original,
        "inputs": {name: [output.text, output.length] for name, output in values.inputs.items()},
        "item": values.item,
        "index": values.index,
        "before": sorted(depends.before),
        "tree": depends.tree,
    }
    text = json.dumps(told, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def without_files(values: Values) -> Values:
    """Give the values with outputs that say nothing of where they are kept."""
    inputs = {name: replace(output, text=_plain(output), file=None) for name, output in values.inputs.items()}
    return replace(values, inputs=inputs)


def _plain(output: Output) -> str:
    return output.text if output.file is None else output.text.replace(output.file, "")


class Cache:
    """The kept results, one small file each."""

    def __init__(self, top: str) -> None:
        """Keep them in the directory `top`, which is made when the first comes."""
        self._top = top

    def find(self, key: str) -> tuple[Outcome, str] | None:
        """Give a kept result, and its whole text; None if there is none that can be read."""
        told = files.read_json(self._path(key))
        try:
            outcome = Outcome(**(told or {})["outcome"])
            text = str((told or {})["text"])
        except (KeyError, TypeError):
            return None
        return replace(outcome, output=cut(text, None), key=key), text

    def keep(self, key: str, flow: str, outcome: Outcome, text: str) -> None:
        """Keep the result of a unit that ended done; PanError if the disk refuses."""
        try:
            os.makedirs(self._top, mode=0o700, exist_ok=True)
        except OSError as error:
            raise files.unusable(f"can't make {self._top}", error, "make it writable") from None
        told = {**asdict(replace(outcome, reused=outcome.reused or flow)), "output": {}}
        del told["output"]
        files.write_json(self._path(key), {"v": V, "outcome": told, "text": text})

    def _path(self, key: str) -> str:
        return os.path.join(self._top, f"{key}.json")


__all__ = ["Cache", "Depends", "PanError", "key_of", "without_files"]
