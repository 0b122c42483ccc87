"""Which proxy the operator's variables name for a host."""

from __future__ import annotations

from collections.abc import Mapping


def proxy_for(environment: Mapping[str, str], scheme: str, host: str) -> str | None:
    """Give the operator's proxy for a host; None: it is connected to directly."""
    if scheme != "https":
        return None
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    said = {name.lower(): text for name, text in environment.items() if name.lower().endswith("_proxy")}
    proxy = said.get("https_proxy") or said.get("all_proxy")
    if not proxy or proxy_bypass_environment(host, {"no": said.get("no_proxy", "")}):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
