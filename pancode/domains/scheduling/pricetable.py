"""Reads the user's prices, ~/.pancode/panprices.yaml; every mistake is named by file and line.

```yaml
models:
  qwen3-coder:               # dollars for a million tokens
    input: 0.2
    output: 0.8
    cache_read: 0.02         # as input where it is left out
    cache_write: 0.25
  "our-gateway/*": {input: 1, output: 4, override: true}
```
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase

import yaml

from pancode.domains.scheduling.rates import USER, Rate, Rates
from pancode.engine.documents import Document

NAME = "panprices.yaml"
_KINDS = ("input", "output", "cache_read", "cache_write")
_MILLION = Decimal(1_000_000)
_LARGEST = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The user's rows, in their order; a name may hold `*`."""

    rows: tuple[tuple[str, Rates], ...] = ()

    def find(self, model: str) -> Rates | None:
        """Give the rates of a model: the row of its very name, else the first whose pattern matches."""
        exact = (rates for name, rates in self.rows if name == model)
        alike = (rates for name, rates in self.rows if fnmatchcase(model, name))
        return next(exact, None) or next(alike, None)


def read_table(path: str) -> PriceTable:
    """Read the file; an empty or missing one has no rows. PanError CONFIG names every mistake in it."""
    document = Document(path)
    root = document.root()
    rows: list[tuple[str, Rates]] = []
    if root is not None:
        models = document.mapping(root, NAME, ("models",)).get("models")
        if isinstance(models, yaml.MappingNode):
            for key, node in models.value:
                rates = _rates(document, str(key.value), node)
                if rates is not None:
                    rows.append((str(key.value), rates))
        elif models is not None:
            document.wrong(models, '"models" must be a mapping of names to prices')
    document.check()
    return PriceTable(tuple(rows))


def _rates(document: Document, name: str, node: yaml.Node) -> Rates | None:
    entries = document.mapping(node, f'the model "{name}"', (*_KINDS, "override"))
    rates = {kind: _rate(document, entries[kind], kind) for kind in _KINDS if kind in entries}
    override = False
    if "override" in entries:
        word = document.text(entries["override"], '"override"')
        if word not in ("true", "false"):
            document.wrong(entries["override"], '"override" must be true or false')
        override = word == "true"
    for kind in ("input", "output"):
        if kind not in entries:
            document.wrong(
                node, f'the model "{name}" has no "{kind}"', "0 stands for a model that costs nothing"
            )
    given, gives = rates.get("input"), rates.get("output")
    if given is None or gives is None:
        return None
    return Rates(
        source=USER, input=given, output=gives, cache_read=rates.get("cache_read"),
        cache_write=rates.get("cache_write"), overrides=override,
    )  # fmt: skip


def _rate(document: Document, node: yaml.Node, kind: str) -> Rate | None:
    text = document.text(node, f'"{kind}"')
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or not 0 <= usd <= _LARGEST:
        document.wrong(node, f'"{kind}" is "{text}", which is no number of dollars for a million tokens')
        return None
    return Rate(usd / _MILLION)
