"""What the panos domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="panos",
    summary="The orchestrator: a conversation whose tools are the verbs, behind the same gates",
    needs=(
        "panconfigure",
        "providers",
        "safety",
        "agents",
        "scheduling",
        "observability",
        "dispatch",
        "board",
        "sharing",
    ),
    verbs={"ask": "pancode.cli.ask:ask", "conversation": "pancode.cli.conversation:conversation"},
)
