"""What the scheduling domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="scheduling",
    summary="Budget tracking, cluster coordination",
    needs=("agents",),
    verbs={
        "budget": "pancode.cli.budget:budget",
        "cost": "pancode.cli.cost:cost",
    },
)
