"""Work beside the engine in a process of its own: what it may reach, and that whatever becomes of it costs only its
page."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor

from engine.cli import aside as child
from engine.core.interpreter import bare_environment, python
from engine.core.world import World
from engine.runtime import aside
from engine.runtime.aside import Aside, AsideFailed, Limits, packed

from .conftest import Night
from .stage import ROOT
from .test_config import Desk

GIB = 1 << 30
LIMITS = Limits(seconds=60.0, memory=GIB, answer=1 << 20)


def carried(
    work: str,
    root: Path = ROOT,
    limits: Limits = LIMITS,
    feed: Iterable[bytes] | None = None,
    beside: Callable[[Aside, Any], object] = lambda one, reactor: None,
) -> list[bytes]:
    """What it said, on a reactor of its own. Errors: AsideFailed."""
    reactor: Any = SelectReactor()
    one, heard, failed = Aside(World(reactor), limits), [], []

    def begin() -> None:
        running = Deferred.fromCoroutine(one.run(work, root, feed or packed({}, {}), heard.append))
        running.addErrback(lambda failure: failed.append(failure.value)).addBoth(lambda _: reactor.stop())
        beside(one, reactor)

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    if failed:
        raise failed[0]
    return heard


@pytest.fixture
def naughty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "MODULE", "tests.console.naughty")


@pytest.mark.parametrize(
    ("work", "limits", "word"),
    [
        ("hang", Limits(0.5, GIB, 1000), "slow"),
        ("deaf", Limits(1.0, GIB, 1000), "slow"),
        ("flood", LIMITS, "much"),
        ("eat", LIMITS, "memory"),
        ("die", LIMITS, "died"),
        ("no such work", LIMITS, "died"),
    ],
)
def test_whatever_becomes_of_it_is_said_by_a_word(
    work: str, limits: Limits, word: str, request: pytest.FixtureRequest
) -> None:
    if work != "no such work":
        request.getfixturevalue("naughty")
    with pytest.raises(AsideFailed, match=f"^{word}$"):
        carried(work, limits=limits)


@pytest.mark.usefixtures("naughty")
def test_one_that_does_not_listen_holds_nobody_up() -> None:
    """More than a pipe holds is fed to a process that reads none of it."""
    with pytest.raises(AsideFailed, match="slow"):
        carried("hang", limits=Limits(0.5, GIB, 1000), feed=[bytes(8 << 20)])


@pytest.mark.usefixtures("naughty")
def test_it_ends_when_the_engine_leaves() -> None:
    with pytest.raises(AsideFailed, match="stopped"):
        carried("hang", beside=lambda one, reactor: reactor.callLater(0.3, one.leave))
    with pytest.raises(AsideFailed, match="stopped"):
        carried("hang", beside=lambda one, reactor: one.leave())


def test_it_ends_when_the_engine_is_gone(tmp_path: Path) -> None:
    """Its standard input ends, as it does when the engine is killed; its temporary folder goes with it."""
    scratch = tmp_path / f"{aside.SCRATCH}-x"
    scratch.mkdir()
    command = [*python(), "-m", aside.MODULE, "rehearse", str(ROOT), "600", str(3 * GIB)]
    process = subprocess.Popen(  # noqa: S603 our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=bare_environment(str(scratch)), cwd=scratch
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"".join(packed({}, {})))
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["count"] > 100, "it is in the middle of its work"
    process.stdin.close()
    assert process.wait(60) == 1
    process.stdout.close()
    assert not scratch.exists()


def test_a_feed_that_fails_ends_it() -> None:
    def feed() -> Iterable[bytes]:
        yield b"{"
        raise ValueError("the store")

    with pytest.raises(ValueError, match="the store"):
        carried("judge", feed=feed())


@pytest.mark.usefixtures("naughty")
def test_it_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_K01_SECRET", "hunter2")
    assert b"hunter2" not in b"".join(carried("environment"))


@pytest.mark.usefixtures("naughty")
def test_it_reaches_nothing_but_the_configuration(tmp_path: Path) -> None:
    for name in ("var/keys/store.key", "var/engine.db", "engine.yaml", "channels/a.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    refused = dict(json.loads(line) for line in carried("reach", tmp_path))
    allowed = {"configuration", "package", "store of its own", "scratch", "scratch removed"}
    assert {name for name, was in refused.items() if not was} == allowed
    assert len(refused) == 20


def test_both_sides_mean_the_same() -> None:
    assert child.TOO_MUCH_MEMORY == aside.TOO_MUCH_MEMORY
    assert child.SCRATCH == aside.SCRATCH
    assert f"{child.__name__}" == aside.MODULE


def test_the_folder_is_read_by_a_process(hall: Night, tmp_path: Path) -> None:
    """The whole way once: the page of a real folder, a change in it, and a turn of the history."""
    desk = Desk(hall, tmp_path / "node")
    assert "Nothing would change" in desk.page()
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# second\n{text}")
    assert "+ # second" in desk.page()
    desk.take("apply", "甲", "a remark")
    assert "+ # second" in desk.browser.text("/console/history/2?lang=en")
    (desk.root / "channels/broken.yaml").symlink_to("/proc/self/mem")
    assert "Input/output error" in desk.page()


@pytest.mark.parametrize("word", ["slow", "memory", "much", "died", "nonsense", "stopped"])
def test_a_page_without_an_answer_says_why(
    hall: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    async def run(*args: Any) -> None:
        if word == "nonsense":
            args[-1](b'{"at": "soon", "files": -')
            return
        raise AsideFailed(word)

    monkeypatch.setattr(Aside, "run", run)
    desk = Desk(hall, tmp_path / "node")
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# second\n{text}")
    desk.take("apply", "甲", "a remark")
    said = {
        "slow": "longer than two minutes", "memory": "2 GiB", "much": "too much to be shown", "died": "died",
        "nonsense": "cannot be understood", "stopped": "is stopping",
    }  # fmt: skip
    assert said[word] in desk.page()
    assert said[word] in desk.browser.text("/console/history/2?lang=en")
    assert "引擎" in desk.page("zh")
    assert "结算" in desk.browser.text("/console/?lang=zh"), "nothing else suffers"
