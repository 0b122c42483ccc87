"""What the session domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="session",
    summary="Lifecycle coordination, cross-agent context sharing",
    needs=("dispatch", "isolation", "panconfigure"),
    verbs={
        "up": "pancode.cli.up:up",
        "down": "pancode.cli.down:down",
        "attach": "pancode.cli.attach:attach",
        "sessions": "pancode.cli.sessions:sessions",
        "reset": "pancode.cli.reset:reset",
        "clean": "pancode.cli.clean:clean",
        "demo": "pancode.cli.demo:demo",
        "model": "pancode.cli.model:model",
        "domains": "pancode.cli.domains:domains",
    },
)
