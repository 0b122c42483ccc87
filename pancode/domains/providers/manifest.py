"""What the providers domain is and needs."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="providers",
    summary="Model providers, their keys, and the models that they have",
    needs=("panconfigure",),
    verbs={
        "models": "pancode.cli.models:models",
        "providers": "pancode.cli.providers:providers",
        "logout": "pancode.cli.logout:logout",
    },
)
