"""Walks through the tree of a script as a shell would, and has each simple command judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tree_sitter import Node

from pancode.domains.safety.commands.assignments import assigned, combined
from pancode.domains.safety.commands.calls import (
    EMPTY,
    TERMINAL,
    UNKNOWN,
    Feed,
    NotUnderstoodError,
    Scene,
    Trail,
    Word,
)
from pancode.domains.safety.commands.endless import check_function, check_loop, leaves
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.poison import poisoned
from pancode.domains.safety.commands.redirects import Redirects, redirected
from pancode.domains.safety.commands.simple import apply, run_command
from pancode.domains.safety.commands.spans import spans
from pancode.domains.safety.commands.syntax import Source, parse, readable
from pancode.domains.safety.commands.words import Lexer

_REDIRECTS = ("file_redirect", "heredoc_redirect", "herestring_redirect")
_SUBSCRIPT = re.compile(r"['\"][^'\"]*\w\[[^]]*(\$\(|`)")
_MOST_VALUES = 12
_DEEPEST = 24


def run_script(text: str, scene: Scene, stdin: Feed, trail: Trail) -> Feed:
    """Judge a script in `scene`; give what it prints.

    Raises:
        NotUnderstoodError: it is no shell script that can be read.
    """
    if scene.depth > _DEEPEST:
        raise NotUnderstoodError("it nests too deeply")
    source = parse(text)
    scene.depth += 1
    printed = Walk(source, trail).all(source.root.children, scene, stdin)
    scene.depth -= 1
    return printed


class Walk:
    """Walks through one source."""

    def __init__(self, source: Source, trail: Trail) -> None:
        self.source = source
        self.trail = trail
        self.kinds: dict[str, Callable[[Node, Scene, Feed], Feed]] = {
            "command": self._command,
            "redirected_statement": self._redirected,
            "list": self._list,
            "pipeline": self._piped,
            "subshell": self._subshell,
            "compound_statement": self._block,
            "negated_command": self._block,
            "do_group": self._block,
            "if_statement": self._if,
            "elif_clause": self._block,
            "else_clause": self._block,
            "while_statement": self._while,
            "for_statement": self._for,
            "c_style_for_statement": self._while,
            "case_statement": self._case,
            "function_definition": self._function,
            "test_command": self._test,
            "declaration_command": self._declaration,
            "unset_command": self._unset,
            "variable_assignment": self._assignments,
            "variable_assignments": self._assignments,
            "comment": lambda _node, _scene, _stdin: EMPTY,
        }

    def all(self, nodes: Sequence[Node], scene: Scene, stdin: Feed) -> Feed:
        """Judge statements one after the other."""
        return combined([self.one(node, scene, stdin) for node in nodes if node.is_named])

    def one(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        """Judge one statement; give what it prints."""
        self.trail.step()
        judge = self.kinds.get(node.type)
        if judge is None:
            if node.type in _REDIRECTS or node.type in ("heredoc_body", "file_descriptor"):
                return EMPTY
            self._lexer(scene).inner(node.start_byte, node.end_byte)
            if node.type in ("word", "string", "raw_string", "concatenation", "number"):
                raise NotUnderstoodError("a word stands where a command should")
            return EMPTY
        return judge(node, scene, stdin)

    def _lexer(self, scene: Scene) -> Lexer:
        return Lexer(self.source, scene, lambda node: self._substitution(node, scene))

    def _substitution(self, node: Node, scene: Scene) -> Feed:
        inner = scene.fork()
        inner.depth += 1
        if inner.depth > _DEEPEST:
            raise NotUnderstoodError("it nests too deeply")
        named = [one for one in node.children if one.is_named]
        if len(named) == 1 and named[0].type == "file_redirect":  # $(<file)
            found = redirected(named, self._lexer(inner), inner, self.trail)
            return found.stdin or UNKNOWN
        stdin = UNKNOWN if self.source.text[node.start_byte] == ">" else TERMINAL
        return self.all(node.children, inner, stdin)

    def _command(self, node: Node, scene: Scene, stdin: Feed, extra: Redirects | None = None) -> Feed:
        lexer = self._lexer(scene)
        hung = [one for one in node.children if one.type in _REDIRECTS]
        found = redirected(hung, self._lexer(scene), scene, self.trail) if hung else Redirects()
        given = [
            assigned(self.source, one, lexer) for one in node.children if one.type == "variable_assignment"
        ]
        words: list[Word] = []
        for start, end in spans(self.source, node, extra.spans if extra else []):
            words.extend(lexer.words(start, end))
        for redirects in (extra, found):
            if redirects and redirects.stdin is not None:
                stdin = redirects.stdin
        printed = run_command(tuple(words), given, scene, stdin, self.trail, readable(self.source.of(node)))
        for redirects in (found, extra):
            if redirects:
                redirects.write(printed, scene, self.trail, words)
                printed = EMPTY if redirects.diverts else printed
        return printed

    def _redirected(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        hung = [one for one in node.children if one.type in _REDIRECTS]
        found = redirected(hung, self._lexer(scene), scene, self.trail)
        body = [one for one in node.children if one.is_named and one.type not in _REDIRECTS]
        printed = EMPTY
        if len(body) == 1 and body[0].type == "command":
            printed = self._command(body[0], scene, stdin, found)
        else:
            feed = found.stdin if found.stdin is not None else stdin
            printed = self.all(body, scene, feed)
            found.write(printed, scene, self.trail)
            printed = EMPTY if found.diverts else printed
        for operator, following in found.then:
            feed = printed if operator == "|" else stdin
            if following.type == "pipeline" and operator == "|":
                printed = self._piped(following, scene, feed)
            else:
                printed = self.one(following, scene, feed)
        return printed

    def _list(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        printed: list[Feed] = []
        operator, before = "", scene.cwd
        for one in node.children:
            if not one.is_named:
                operator = one.type
            elif operator == "||":
                other = replace(scene.fork(), cwd=before)  # what failed before it may have been a cd
                printed.append(self.one(one, other, stdin))
                other.cwd = scene.cwd if leaves(self.source.of(one)) else other.cwd
                scene.merge(other)
            else:
                printed.append(self.one(one, scene, stdin))
        return combined(printed)

    def _piped(self, node: Node, scene: Scene, feed: Feed) -> Feed:
        for one in node.children:
            if one.is_named:
                part = scene.fork()
                feed = self.one(one, part, feed)
                scene.leave(part)
        return feed

    def _subshell(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        inner = scene.fork()
        printed = self.all(node.children, inner, stdin)
        scene.leave(inner)
        return printed

    def _block(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        return self.all(node.children, scene, stdin)

    def _if(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        printed: list[Feed] = []
        for one in node.children:
            if one.is_named:
                branch = scene.fork()
                printed.append(self.one(one, branch, stdin))
                scene.merge(branch)
        return combined(printed)

    def _loosen(self, node: Node, scene: Scene) -> None:
        """Forget the variables that a loop sets: another turn may begin with any of them."""
        for name in re.findall(r"(?<![\w$])([A-Za-z_]\w*)\+?=", self.source.of(node)):
            if name in scene.variables:
                scene.variables[name] = (Word(DYNAMIC),)

    def _while(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        check_loop(self.source.of(node))
        self._loosen(node, scene)
        inner = scene.fork()
        printed = self.all(node.children, inner, stdin)
        if node.type == "c_style_for_statement":
            body = next((one for one in node.children if one.type == "do_group"), None)
            self._lexer(scene).inner(node.start_byte, body.start_byte if body else node.end_byte)
        scene.merge(inner)
        return printed

    def _for(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        self._loosen(node, scene)
        name = next((self.source.of(one) for one in node.children if one.type == "variable_name"), "REPLY")
        body = [one for one in node.children if one.type in ("do_group", "compound_statement")]
        lexer = self._lexer(scene)
        values = [word for start, end in spans(self.source, node, []) for word in lexer.words(start, end)]
        if node.children[0].type == "select" or not any(one.type == "in" for one in node.children):
            values = [Word(DYNAMIC)]
        different = list(dict.fromkeys(values))
        if len(different) > _MOST_VALUES:
            different = [*different[:_MOST_VALUES], Word(DYNAMIC)]
        printed: list[Feed] = []
        for value in different:
            inner = scene.fork()
            inner.variables[name] = (value,)
            printed.append(self.all(body, inner, stdin))
            scene.merge(inner)
        scene.variables[name] = (Word(DYNAMIC),) if len(different) != 1 else (different[0],)
        return combined(printed) if printed else UNKNOWN

    def _case(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        printed: list[Feed] = []
        value = node.child_by_field_name("value")
        if value is not None:
            self._lexer(scene).inner(value.start_byte, value.end_byte)
        for item in (one for one in node.children if one.type == "case_item"):
            branch = scene.fork()
            patterns = {one.id for one in item.children_by_field_name("value")}
            for one in item.children:
                if one.id in patterns:
                    self._lexer(branch).inner(one.start_byte, one.end_byte)
                elif one.is_named and one.type in self.kinds:
                    printed.append(self.one(one, branch, stdin))
            scene.merge(branch)
        return combined(printed) if printed else EMPTY

    def _function(self, node: Node, scene: Scene, _stdin: Feed) -> Feed:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            raise NotUnderstoodError("a function has no body")
        called = readable(self.source.of(name))
        check_function(called, self.source.of(body))
        scene.functions[called] = (self.source, body)
        if called.startswith("command_not_found_handle"):  # the shell itself calls it
            self.one(body, scene.fork(), UNKNOWN)
        return EMPTY

    def _test(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        if _SUBSCRIPT.search(self.source.of(node)):
            raise NotUnderstoodError("a subscript in it runs a command")
        self._lexer(scene).inner(node.start_byte, node.end_byte)
        return self.all([one for one in node.children if one.type in self.kinds], scene, stdin)

    def _assignments(self, node: Node, scene: Scene, _stdin: Feed) -> Feed:
        nodes = node.children if node.type == "variable_assignments" else [node]
        for one in nodes:
            if one.type == "variable_assignment":
                name, values = assigned(self.source, one, self._lexer(scene))
                self._set(name, values, scene, readable(self.source.of(one)))
        return EMPTY

    def _set(self, name: str, values: tuple[Word, ...], scene: Scene, text: str) -> None:
        for effect in poisoned([(name, values)], scene):
            apply(effect, scene, UNKNOWN, self.trail, text)
        if name.endswith("[]"):
            scene.variables[name[:-2]] = (Word(DYNAMIC),)
        else:
            scene.variables[name] = values

    def _declaration(self, node: Node, scene: Scene, stdin: Feed) -> Feed:
        lexer = self._lexer(scene)
        words = [Word(readable(self.source.of(node.children[0])))]
        for one in node.children[1:]:
            if one.type == "variable_assignment":
                name, values = assigned(self.source, one, lexer)
                self._set(name, values, scene, readable(self.source.of(one)))
            elif one.is_named and one.type not in _REDIRECTS:
                words.extend(lexer.words(one.start_byte, one.end_byte))
        return run_command(tuple(words), [], scene, stdin, self.trail, readable(self.source.of(node)))

    def _unset(self, node: Node, scene: Scene, _stdin: Feed) -> Feed:
        if _SUBSCRIPT.search(self.source.of(node)):
            raise NotUnderstoodError("a subscript in it runs a command")
        self._lexer(scene).inner(node.start_byte, node.end_byte)
        for one in node.children[1:]:
            scene.variables.pop(readable(self.source.of(one)), None)
        return EMPTY
