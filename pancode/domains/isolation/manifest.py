"""What the isolation domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="isolation",
    summary="Own clones for workers, their changes, checkpoints",
    needs=("safety",),
    verbs={
        "diff": "pancode.cli.diff:diff",
        "merge": "pancode.cli.merge:merge",
        "discard": "pancode.cli.merge:discard",
        "undo": "pancode.cli.merge:undo",
        "restore": "pancode.cli.restore:restore",
    },
)
