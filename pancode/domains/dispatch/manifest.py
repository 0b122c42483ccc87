"""What the dispatch domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="dispatch",
    summary="Worker spawning, run lifecycle, result collection",
    needs=(
        "panconfigure",
        "safety",
        "agents",
        "prompts",
        "scheduling",
        "routing",
        "observability",
        "isolation",
    ),
    verbs={
        "run": "pancode.cli.run:run",
        "stop": "pancode.cli.stop:stop",
        "say": "pancode.cli.say:say",
        "batch": "pancode.cli.batch:batch",
        "chain": "pancode.cli.chain:chain",
        "flow": "pancode.cli.flow:flow",
        "team": "pancode.cli.team:team",
        "recover": "pancode.cli.recover:recover",
        "race": "pancode.cli.race:race",
        "retry": "pancode.cli.retry:retry",
        "pause": "pancode.cli.pause:pause",
        "resume": "pancode.cli.pause:resume",
    },
)
