"""What the intelligence domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="intelligence",
    summary="Adaptive dispatch planning (experimental, disabled by default)",
    needs=("dispatch", "agents"),
    verbs={"plan": "pancode.cli.plan:plan"},
    enabled_by="PANCODE_INTELLIGENCE",
)
