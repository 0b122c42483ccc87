"""The ui domain: status pane, command pane, status line."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="ui",
    summary="the status pane, the command pane, the status line, `status` and `watch`",
    needs=("observability",),
    verbs={
        "status": "pancode.cli.status:status",
        "watch": "pancode.cli.watch:watch",
    },
)
