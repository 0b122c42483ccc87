"""Which class the tools of agents have: the eight that every CLI has, and the own names that are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.judgement import Judgement, Part, Place, judgement

if TYPE_CHECKING:
    from pancode.worker.profile import Action

UNKNOWN_TOOL = "unknown-tool"
"""The built-in rule for a tool that nobody classified; a rule of the user's about tools can list it."""

_READING = frozenset({"read", "grep", "find", "ls"})
_WRITING = frozenset({"write", "edit"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

NOTES = frozenset(
    {
        "AskUserQuestion", "BashOutput", "EnterPlanMode", "ExitPlanMode", "KillBash", "KillShell",
        "ReportFindings", "SendMessage", "Skill", "StructuredOutput", "TaskCreate", "TaskGet", "TaskList",
        "TaskOutput", "TaskStop", "TaskUpdate", "TodoRead", "TodoWrite", "ToolSearch", "activate_skill",
        "ask_user", "complete_task", "create_goal", "enter_plan_mode", "exit_plan_mode",
        "fetch_copilot_cli_documentation", "get_goal", "get_internal_docs", "invalid",
        "list_background_processes", "question", "read_agent", "read_background_output", "list_agents",
        "read_bash", "read_powershell", "report_intent", "request_user_input", "session_store_sql", "sql",
        "stop_bash", "stop_powershell", "list_bash", "skill", "task_check", "task_complete", "task_list",
        "todo", "todoread", "todowrite", "tool_search", "tracker_add_dependency", "tracker_create_task",
        "tracker_get_task", "tracker_list_tasks", "tracker_update_task", "tracker_visualize", "update_goal",
        "update_plan", "update_todo", "update_topic", "view_image", "wait", "write_todos",
    }
)  # fmt: skip
"""Tools of the CLIs that only keep the agent's own notes, ask, or look at what the agent itself started."""

DISPATCHING = frozenset(
    {
        "Agent", "Task", "batch_dispatch", "codebase_investigator", "delegate_to_agent", "dispatch_agent",
        "dispatch_chain", "invoke_agent", "shadow_explore", "spawn_agent", "subagent", "task",
    }
)  # fmt: skip
"""Tools that start another agent: inside the same sandbox, or through PanCode."""


def judge_action(action: Action, place: Place) -> Judgement:
    """Give the class of what an agent is about to do; anything odd in it is *not understood*."""
    tool = action.get("tool")
    if not isinstance(tool, str):
        return _one("?", ActionClass.NOT_UNDERSTOOD, "odd-action", "the action names no tool")
    if tool == "shell":
        return _shell(action.get("command"), place)
    if tool in _READING or tool in _WRITING:
        return _files(tool, action.get("paths"), place)
    if tool == "web":
        return _web(action.get("url"))
    if tool in NOTES:
        return _one(tool, ActionClass.FILE_READ, "own-notes", "the agent keeps notes of its own")
    if tool in DISPATCHING:
        return _one(tool, ActionClass.AGENT_DISPATCH, "dispatch-tool", "it starts another agent")
    return _one(
        tool, ActionClass.NOT_UNDERSTOOD, UNKNOWN_TOOL, f'nobody knows what the tool "{tool[:80]}" does'
    )


def _one(text: str, kind: ActionClass, rule: str, why: str, hosts: tuple[str, ...] = ()) -> Judgement:
    return judgement((Part(text, kind, rule, why, hosts=hosts),))


def judge_command(command: str, place: Place) -> Judgement:
    """Give the class of a shell command; where the classifier itself fails, it is *not understood*."""
    try:
        from pancode.domains.safety.commands.judge import judge

        return judge(command, place)
    except Exception as error:  # noqa: BLE001 -- a fault of ours must not let anything through
        return _fault(command, error)


def _fault(text: str, error: Exception) -> Judgement:
    why = f"the classifier could not judge it: {type(error).__name__}"
    return _one(text, ActionClass.NOT_UNDERSTOOD, "classifier-fault", why)


def _shell(command: object, place: Place) -> Judgement:
    if not isinstance(command, str):
        return _one("shell", ActionClass.NOT_UNDERSTOOD, "odd-action", "the command is not a text")
    return judge_command(command, place)


def _files(tool: str, paths: object, place: Place) -> Judgement:
    named = paths if isinstance(paths, Sequence) and not isinstance(paths, str) else None
    known = tuple(path for path in named or () if isinstance(path, str) and path and "\0" not in path)
    if named is not None and len(known) != len(named):
        return _one(tool, ActionClass.NOT_UNDERSTOOD, "odd-action", "a path is not a text")
    if not known and tool in ("grep", "find", "ls"):
        known = (place.cwd,)
    if not known:
        return _one(tool, ActionClass.NOT_UNDERSTOOD, "odd-action", f"the tool {tool} names no path")
    try:
        from pancode.domains.safety.commands.judge import judge_paths

        return judge_paths("read" if tool in _READING else tool, known, place)
    except Exception as error:  # noqa: BLE001 -- as above
        return _fault(tool, error)


def _web(url: object) -> Judgement:
    if url is None:
        why = "it searches the web, and the words go to whoever answers"
        return _one("web", ActionClass.NETWORK_UNLISTED, "web-search", why)
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        host = None
    if not isinstance(url, str) or not host:
        return _one("web", ActionClass.NOT_UNDERSTOOD, "odd-action", "the address names no host")
    if host in _LOOPBACK:
        return _one(url, ActionClass.NETWORK, "loopback", "it talks to the sandbox's own loopback", (host,))
    return _one(url, ActionClass.NETWORK_UNLISTED, "host", f"it talks to {host}", (host,))
