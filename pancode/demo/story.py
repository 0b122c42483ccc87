"""What the demo shows: the repository, the tasks, and what the scripted model answers to each."""

from __future__ import annotations

from typing import Any, TypeAlias

Turn: TypeAlias = dict[str, Any]

FILES = {
    "README.md": "# Shop\n\nA small shop. `python3 -m unittest` runs its tests.\n",
    "prices.py": "def total(prices):\n    return sum(prices) + 1\n",
    "test_prices.py": (
        "import unittest\n\nfrom prices import total\n\n\nclass Prices(unittest.TestCase):\n"
        "    def test_total(self):\n        self.assertEqual(total([1, 2]), 3)\n"
    ),
}
FIX = "Fix the total in prices.py so that the tests pass."
DOCUMENT = "Document prices.py in docs/prices.md."
REVIEW = "Look through the repository and say what is risky in it."
TASKS = (FIX, DOCUMENT, REVIEW)


# Pauses (seconds) are as long as a person needs to follow.
_FIXING: list[Turn] = [
    {"text": "I'll look at the tests first.", "shell": "python3 -m unittest 2>&1 | tail -5"},
    {"delay": 2, "text": "The total is one too high.", "shell": "cat prices.py"},
    {
        "delay": 3,
        "write": {"path": "prices.py", "content": "def total(prices):\n    return sum(prices)\n"},
    },
    {"delay": 2, "shell": "python3 -m unittest 2>&1 | tail -3"},
    {"delay": 2, "text": "Fixed: total() no longer adds one. The tests pass."},
]
_DOCUMENTING: list[Turn] = [
    {"delay": 2, "text": "Reading the module.", "shell": "cat prices.py && mkdir -p docs"},
    {
        "delay": 4,
        "write": {"path": "docs/prices.md", "content": "# prices\n\n`total(prices)` adds prices up.\n"},
    },
    {"delay": 3, "shell": "wc -l docs/prices.md"},
    {"delay": 2, "text": "docs/prices.md says what total() does."},
]
_REVIEWING: list[Turn] = [
    {"delay": 1, "shell": "ls -R . | head -20"},
    {"delay": 4, "shell": "grep -n . prices.py"},
    {"delay": 30, "shell": "git log --oneline | head -3"},
    {"delay": 30, "text": "One finding: nothing says whether prices are cents or euros."},
]


def script() -> dict[str, Any]:
    """Give the script that the model plays, in the format of docs/model.md."""
    parts = zip(TASKS, (_FIXING, _DOCUMENTING, _REVIEWING), strict=True)
    return {"scripts": [{"when": task, "turns": turns} for task, turns in parts]}


SHELL_TASKS = (
    "python3 -m unittest 2>&1 | tail -5; sleep 2; sed -i 's/ + 1//' prices.py; python3 -m unittest",
    "mkdir -p docs; sleep 3; echo '# prices' > docs/prices.md; sleep 3; wc -l docs/prices.md",
    "ls -R . | head -20; sleep 30; git log --oneline | head -3; sleep 30; echo looked through it all",
)
"""The same three jobs as commands, for a machine without any agent CLI."""
