"""What the board domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="board",
    summary="Task board shared by people, orchestrator and workers",
    needs=("safety", "dispatch"),
    verbs={"task": "pancode.cli.task:task"},
)
