"""The settings of dispatch: how many runs at once, how deep they nest, how long they take."""

from __future__ import annotations

from pancode.domains.panconfigure import kinds
from pancode.domains.panconfigure.key import Key, Value, less, more


def _session_stock() -> Value:
    from pancode.domains.scheduling.api import at_once_by_default

    return at_once_by_default()[0]


def _provider_stock() -> Value:
    from pancode.domains.scheduling.api import at_once_by_default

    return str(at_once_by_default()[1])


def _more_at_once(before: Value, after: Value) -> bool:
    from pancode.domains.scheduling.api import allows_more

    return allows_more(None if before is None else str(before), None if after is None else str(after))


DISPATCH_KEYS = (
    Key(
        name="dispatch.concurrency",
        field="session_concurrency",
        variable="PANCODE_SESSION_CONCURRENCY",
        kind="number",
        default="8 for each core, at least 50",
        meaning="how many runs of the session are live together",
        read=kinds.count,
        effect="at once",
        others="tighten",
        looser=more,
        stock=_session_stock,
        admin=True,
    ),
    Key(
        name="dispatch.agentConcurrency",
        field="agent_concurrency",
        variable="PANCODE_AGENT_CONCURRENCY",
        kind="numbers",
        default="no limit",
        meaning="how many runs of one agent are live together; `3,builder=1` says it for one by name",
        read=kinds.limits,
        effect="at once",
        others="tighten",
        looser=_more_at_once,
        admin=True,
    ),
    Key(
        name="dispatch.providerConcurrency",
        field="provider_concurrency",
        variable="PANCODE_PROVIDER_CONCURRENCY",
        kind="numbers",
        default="4 for each core, at least 20",
        meaning="how many runs of one model provider are live together; `20,anthropic=4` says it for one by "
        "name",
        read=kinds.limits,
        effect="at once",
        others="tighten",
        looser=_more_at_once,
        stock=_provider_stock,
        admin=True,
    ),
    Key(
        name="dispatch.nodeConcurrency",
        field="node_concurrency",
        variable="PANCODE_NODE_CONCURRENCY",
        kind="numbers",
        default="no limit",
        meaning="how many runs are live together whose endpoint is on one machine; `4,10.0.0.7=1` says it "
        "for one",
        read=kinds.limits,
        effect="at once",
        others="tighten",
        looser=_more_at_once,
        admin=True,
    ),
    Key(
        name="dispatch.freeMemory",
        field="free_mb",
        variable="PANCODE_FREE_MEMORY_MB",
        kind="number",
        unit="MB",
        default="256",
        meaning="memory that runs leave to everything else: one that would take of it waits",
        read=kinds.whole,
        effect="at once",
        others="tighten",
        looser=less,
        admin=True,
    ),
    Key(
        name="dispatch.maxDepth",
        field="max_depth",
        variable="PANCODE_DISPATCH_MAX_DEPTH",
        kind="number",
        default="2",
        meaning="how deep runs may nest that runs ask for; 0 lets no worker start another",
        read=kinds.whole,
        effect="at once",
        others="tighten",
        looser=more,
        admin=True,
    ),
    Key(
        name="dispatch.heartbeatInterval",
        field="heartbeat_s",
        variable="PANCODE_HEARTBEAT_INTERVAL_MS",
        kind="time",
        unit="ms",
        default="10000",
        meaning="how often a worker reports that it lives",
        read=kinds.heartbeat,
        admin=True,
    ),
    Key(
        name="dispatch.keepDays",
        field="keep_days",
        variable="PANCODE_KEEP_DAYS",
        kind="number",
        unit="days",
        default="for good",
        meaning="how long checkpoints, results of flows and the changes of runs that are merged or discarded "
        "are kept; older ones go at `pancode up` and with `pancode clean`",
        read=kinds.count,
        effect="with the next up",
    ),
    Key(
        name="dispatch.workerTimeout",
        field="worker_timeout_s",
        variable="PANCODE_WORKER_TIMEOUT_MS",
        kind="time",
        unit="ms",
        default="no limit",
        meaning="the time that a run may take when neither its agent nor --timeout says so",
        read=kinds.timeout,
        others="tighten",
        looser=more,
        admin=True,
        flag="--timeout",
    ),
)
