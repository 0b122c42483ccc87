"""What the agents domain is and needs."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="agents",
    summary="Agent discovery, spec registry, launch plans",
    needs=("panconfigure", "prompts", "providers"),
    verbs={
        "skills": "pancode.cli.skills:skills",
        "agents": "pancode.cli.agents:agents",
        "runtimes": "pancode.cli.runtimes:runtimes",
    },
)
