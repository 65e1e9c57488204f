"""`engine test`: plays the conversations beside the channels (`channels/*.test.yaml`) and says which do not hold.

The same site and the same engine as in production; the parties are scripted, the clock is a fake one. Nothing of the
folder is changed, no secret is read, no socket is opened.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from twisted.logger import LogLevel, globalLogPublisher

from engine.codecs import json_text
from engine.config.problems import Mark, in_order, problem, render_all
from engine.config.tree import read_text, read_tree
from engine.conversation_deliver import said_to_deliver
from engine.conversation_file import Conversation, Expect, Step, TestFile, Value, read_test
from engine.conversation_stage import Broken, Stage, at_path, signed_in
from engine.site.files import read_files
from engine.site.load import load
from engine.site.site import Site
from engine.store.tasks import open_tasks

Tree = Any
NOTHING = object()
_TEST = re.compile(r"channels/([^/]+)\.test\.yaml")


class Result(TypedDict):
    """How one conversation went. `name` is `channel: its name`; `text` says where and why it failed, "" when it
    passed."""

    name: str
    passed: bool
    text: str


def run(root: Path, names: Collection[str] | None = None) -> list[Result]:
    """Play every conversation of a configuration folder, or only those of these channels; in the order written.

    A file that cannot be read is one failed result named after it; a site that does not load is one named `site`.
    """
    return [play() for play in rehearsals(read_files(root), names)]


def rehearsals(files: Mapping[str, bytes], names: Collection[str] | None = None) -> list[Callable[[], Result]]:
    """The conversations of these files, each to be played by a call."""
    site = load(files)
    if not isinstance(site, Site):
        sources = {one.file: files[one.file].decode("utf-8", "replace") for one in site if one.file in files}
        wrong = Result(name="site", passed=False, text=render_all(site, sources))
        return [lambda: wrong]
    found: list[Callable[[], Result]] = []
    for path in sorted(files):
        match = _TEST.fullmatch(path)
        if match is not None and (names is None or match[1] in names):
            found += _file(site, path, files[path])
    return found


def _file(site: Site, name: str, data: bytes) -> list[Callable[[], Result]]:
    text, found = read_text(data, name)
    test: TestFile | None = None
    if not found:
        node, found = read_tree(text, name)
        if node is not None and not found:
            signing = frozenset().union(*signed_in(site).values())
            calls = {channel.name: frozenset(channel.calls) | signing for channel in site.channels.values()}
            test = read_test(node, calls, found)
        elif node is None and not found:
            found = [problem("E202", Mark(name, 1, 1), name="channel", zh="对话测试", en="a file of conversations",
                             example="outpatient_settlement")]  # fmt: skip
    if test is None or found:
        wrong = Result(name=name, passed=False, text=render_all(in_order(found), {name: text}))
        return [lambda: wrong]
    return [partial(_played, site, test, one) for one in test.conversations]


def _played(site: Site, test: TestFile, conversation: Conversation) -> Result:
    """One conversation on a stage of its own."""
    folder = Path(tempfile.mkdtemp(prefix="conversation"))
    unhandled: list[str] = []

    def observe(event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None and event.get("log_level") in (LogLevel.error, LogLevel.critical):
            unhandled.append(failure.getErrorMessage())

    observer: Any = observe
    globalLogPublisher.addObserver(observer)
    where = conversation.mark
    try:
        play = _Play(Stage(site, test, folder))
        for step in conversation.steps:
            where = step.mark
            play.step(step)
        text = play.unhandled(unhandled)
    except (Broken, _Differs) as no:
        text = _placed(no.mark if isinstance(no, _Differs) else where, str(no))
    except Exception as bad:  # noqa: BLE001 a defect met on stage is a failed conversation, not the end of all
        text = _placed(where, f"{type(bad).__name__}: {bad}")
    finally:
        globalLogPublisher.removeObserver(observer)
        shutil.rmtree(folder, ignore_errors=True)
    return Result(name=f"{test.channel}: {conversation.name}", passed=not text, text=text)


def _placed(mark: Mark, text: str) -> str:
    return f"{mark.file}:{mark.line}:{mark.col}  {text}"


class _Differs(Exception):
    def __init__(self, mark: Mark, text: str) -> None:
        super().__init__(text)
        self.mark = mark


class _Play:
    """Goes through the steps of one conversation."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._fresh = False  # whether the terminal's last answer tells how things stand now
        self._looked = 0  # calls already compared
        self._numbers: dict[str, int] = {}

    def step(self, step: Step) -> None:
        """Do one step; Broken or _Differs when the conversation fails at it."""
        stage = self.stage
        if step.kind == "expect":
            self._expect(step.value)
            return
        if step.kind == "says":
            self._say(*step.value)
            self._fresh = True
        elif step.kind == "script":
            self._whose(step.who, step.value.call)
            stage.script.add(step.value)
        else:
            self._fresh = False
            if step.kind == "wait":
                stage.wait(step.value)
            elif step.kind == "wait until":
                stage.wait(max(0.0, step.value - stage.clock.seconds()))
            elif step.kind == "restart":
                stage.restart()
            else:
                stage.callback(step.who, *step.value)
                stage.wait(0.1)
        if stage.script.problem:
            raise Broken(stage.script.problem)

    def _whose(self, who: str, call: str) -> None:
        channels = self.stage.site.channels
        own = channels[self.stage.test.channel]
        spec = own.calls.get(call) or next(one.calls[call] for one in channels.values() if call in one.calls)
        party = spec.party
        if who not in (party, call.partition(".")[0]):
            raise Broken(f"{call} 属于 {party} · {call} goes to {party}")

    def _say(self, action: str, body: Tree) -> None:
        stage, no = self.stage, self.stage.no
        if action == "settle":
            stage.ask("POST", self._door(), _merged(stage.test.request, body))
        elif action == "ask":
            self._asked(_merged(stage.test.request, body))
        elif action == "show":
            stage.ask("GET", f"/v1/settlements/{no}")
        elif action in ("send", "hand"):
            stage.answer = (200, said_to_deliver(stage, action, body))
        elif action == "pay":
            stage.ask("POST", f"/v1/settlements/{no}/pay", {"choice_no": self._count("pay", body), **body})
        elif action == "returned":
            stage.ask("POST", f"/v1/settlements/{no}/returned", {"return_no": "1", **body})
        else:
            tail = {"cancel": "cancel", "refund": "refunds"}[action]
            usual = {"request_no": f"{action}-{self._count(action, body)}", "reason_code": "asked"}
            stage.ask("POST", f"/v1/settlements/{no}/{tail}", {**usual, **body})

    def _count(self, action: str, body: Tree) -> str:
        """The next choice's or request's number, unless the conversation gives one."""
        if "choice_no" not in body and "request_no" not in body:
            self._numbers[action] = self._numbers.get(action, 0) + 1
        return str(self._numbers.get(action, 0))

    def _asked(self, wanted: Tree) -> None:
        """What an answer channel is asked: in the query, or as the body of a POST."""
        listen = self.stage.site.channels[self.stage.test.channel].listen
        if listen is not None and listen.request.method == "POST":
            return self.stage.ask("POST", self._door(), wanted)
        query = "&".join(f"{k}={v}" for k, v in wanted.items())
        return self.stage.ask("GET", f"{self._door()}?{query}" if query else self._door())

    def _door(self) -> str:
        listen = self.stage.site.channels[self.stage.test.channel].listen
        if listen is None:
            raise Broken("这个通道没有监听地址 · this channel has no door")
        return str(listen.request.path)

    # What must be so

    def _expect(self, expect: Expect) -> None:
        values, stage = expect.values, self.stage
        if not self._fresh and stage.no and values.keys() & {"state", "status", "amounts", "reason", "side", "answer"}:
            stage.ask("GET", f"/v1/settlements/{stage.no}")
            self._fresh = True
        status, answer = stage.answer
        reason = answer.get("reason", {})
        wrong = self._compare(expect, "state", values.get("state", NOTHING), answer.get("state"), reason)
        wrong += self._compare(expect, "status", values.get("status", NOTHING), status, reason)
        wrong += self._compare(expect, "reason", values.get("reason", NOTHING), reason.get("code"), reason)
        wrong += self._compare(expect, "side", values.get("side", NOTHING), reason.get("side"), reason)
        for name, wanted in values.get("amounts", {}).items():
            found = answer.get("amounts", {}).get(name)
            wrong += self._compare(expect, f"amounts.{name}", wanted, found, reason, at="amounts")
        for path, wanted in values.get("answer", {}).items():
            wrong += self._compare(expect, path, wanted, at_path(answer, path), reason, at="answer")
        wrong += self._calls(expect)
        for call, paths in values.get("bodies", {}).items():
            wrong += self._body(expect, call, paths)
        if "told" in values:
            wrong += self._compare(expect, "told", list(values["told"]), stage.script.told, {})
        if "tasks" in values:
            wrong += self._compare(expect, "tasks", sorted(values["tasks"]), self._tasks(), {})
        if wrong:
            raise wrong[0]

    def _compare(
        self, expect: Expect, name: str, wanted: Any, found: Any, reason: Mapping[str, Any], *, at: str = ""
    ) -> list[_Differs]:
        if wanted is NOTHING:
            return []
        tree = self.stage.script.filled(wanted.tree) if isinstance(wanted, Value) else wanted
        if tree == found and isinstance(tree, bool) == isinstance(found, bool):
            return []
        why = f"（{reason['code']} {reason.get('zh', '')}）" if reason else ""
        said = f"{name}: 预期 · expected {_shown(tree)}，实际 · found {_shown(found)}{why}"
        return [_Differs(expect.marks[at or name], said)]

    def _calls(self, expect: Expect) -> list[_Differs]:
        values, script = expect.values, self.stage.script
        wrong = []
        if "calls" in values:
            made = [one.call for one in script.calls[self._looked :]]
            self._looked = len(script.calls)
            if not _fits(list(values["calls"]), made):
                wrong.append(_Differs(expect.marks["calls"], f"calls: 实际 · found [{', '.join(made)}]"))
        made_ever = {one.call for one in script.calls}
        wrong += [
            _Differs(expect.marks["never"], f"never: 发生了 · it was made: {call}")
            for call in values.get("never", ()) if call in made_ever
        ]  # fmt: skip
        return wrong

    def _body(self, expect: Expect, call: str, paths: Mapping[str, Any]) -> list[_Differs]:
        made = self.stage.script.last(call)
        if made is None:
            return [_Differs(expect.marks["bodies"], f"bodies: 没有调用过 · never called: {call}")]
        wrong = []
        for path, wanted in paths.items():
            found = made.number if path == "number" else at_path(made.body, path)
            wrong += self._compare(expect, f"{call}: {path}", wanted, found, {}, at="bodies")
        return wrong

    def _tasks(self) -> list[str]:
        reading = self.stage.engine.store.read(lambda conn: sorted(task.kind for task in open_tasks(conn)))
        kinds: list[str] = self.stage.run(reading, 1.0)
        return kinds

    def unhandled(self, failures: list[str]) -> str:
        """What went wrong inside without anybody asking, "" when nothing did."""
        errors = [line for line in self.stage.log.getvalue().splitlines() if '"level": "error"' in line]
        return "\n".join([*failures, *errors])


def _merged(usual: Tree, changes: Tree) -> Tree:
    if isinstance(usual, dict) and isinstance(changes, dict):
        return {**usual, **{k: _merged(usual.get(k), v) for k, v in changes.items()}}
    return changes


def _fits(wanted: list[str], made: list[str]) -> bool:
    """Whether the calls made are those wanted; `name+` stands for one or more."""
    if not wanted:
        return not made
    first, rest = wanted[0], wanted[1:]
    if not first.endswith("+"):
        return bool(made) and made[0] == first and _fits(rest, made[1:])
    name, count = first[:-1], 0
    while count < len(made) and made[count] == name:
        count += 1
    return any(_fits(rest, made[taken:]) for taken in range(count, 0, -1))


def _shown(tree: Tree) -> str:
    return json_text.print_json(tree).decode() if isinstance(tree, dict | list) else str(tree)
