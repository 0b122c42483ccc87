"""What the observability domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="observability",
    summary="Metrics, audit trail, receipts, diagnostics",
    needs=("scheduling", "isolation"),
    verbs={
        "runs": "pancode.cli.runs:runs",
        "why": "pancode.cli.why:why",
        "logs": "pancode.cli.logs:logs",
        "reindex": "pancode.cli.reindex:reindex",
        "bench": "pancode.cli.bench:bench",
        "doctor": "pancode.cli.doctor:doctor",
        "perf": "pancode.cli.perf:perf",
        "chaos": "pancode.cli.chaos:chaos",
    },
)
