"""What the scheduling domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="scheduling",
    summary="When queued runs start, budgets, cost",
    needs=("panconfigure", "providers", "agents", "safety"),
    verbs={
        "budget": "pancode.cli.budget:budget",
        "cost": "pancode.cli.cost:cost",
        "receipt": "pancode.cli.receipt:receipt",
        "queue": "pancode.cli.queue:queue",
    },
)
