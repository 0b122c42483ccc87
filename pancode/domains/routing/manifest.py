"""What the routing domain is and needs."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="routing",
    summary="Which agent, runtime and model a task gets; how workers are rated",
    needs=("panconfigure", "agents", "providers", "scheduling"),
    verbs={"workers": "pancode.cli.workers:workers"},
)
