"""What the safety domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="safety",
    summary="Tool call policy enforcement, action classification",
    verbs={
        "mode": "pancode.cli.mode:mode",
        "safety": "pancode.cli.safety:safety",
        "audit": "pancode.cli.audit:audit",
        "sandbox": "pancode.cli.sandbox:sandbox",
        "approvals": "pancode.cli.approvals:approvals",
        "approve": "pancode.cli.approvals:approve",
        "deny": "pancode.cli.approvals:deny",
    },
)
