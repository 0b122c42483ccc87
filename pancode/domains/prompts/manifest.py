"""What the prompts domain is and needs."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(name="prompts", summary="System prompt compilation for workers")
