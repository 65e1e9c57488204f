"""Work in a process of its own, beside the engine: what would hold the interpreter, or must not be able to reach
anything of ours. It is fed by its standard input, answers in lines, and has a time, a memory and an answer that end.

`subprocess` on a thread, as everywhere here: the reactor runs without Twisted's signal handlers, and without SIGCHLD
it would not notice that a process of its own has ended.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.interpreter import bare_environment, python
from engine.core.world import World
from engine.runtime.threads import on_a_thread

MODULE = "engine.cli.aside"
"""What it runs: imported by nobody, for it stands above all layers."""
SCRATCH = "engine-aside"  # how its folder for temporary files is called
PIECE = 1 << 16  # bytes read at once
TOO_MUCH_MEMORY = 9  # exit code of one whose memory did not suffice
Heard = Callable[[bytes], None]


class AsideFailed(Exception):
    """It gave no answer; the text is one word: slow (too long), memory (its own did not suffice), much (an answer too
    long), died, stopped (the engine leaves), nonsense (said by who reads the answer)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of the wall, bytes of memory (its whole address space), bytes of the answer."""

    seconds: float
    memory: int
    answer: int


class Aside:
    """Runs one piece of work at a time: whoever asks sees to that."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._world, self._limits = world, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_for = ""
        self._left = False

    async def run(self, work: str, root: Path, feed: Iterable[bytes], heard: Heard) -> None:
        """Let it do `work` on the folder; `heard` gets each line it says, on the reactor. Errors: AsideFailed."""
        self._ended_for = "stopped" if self._left else ""
        late = self._world.later(self._limits.seconds * self._world.rate, self.stop, "slow")
        try:
            await on_a_thread(self._world, lambda: self._carry(work, root, feed, heard))
        except AsideFailed:
            raise
        except OSError:
            raise AsideFailed(self._ended_for or "died") from None
        finally:
            if late.active():
                late.cancel()

    def leave(self) -> None:
        """The engine leaves: what is running ends now, and nothing begins any more."""
        self._left = True
        self.stop("stopped")

    def stop(self, why: str) -> None:
        """End it now, if one is running, for this reason."""
        process = self._process
        self._ended_for = self._ended_for or why
        if process is not None:
            process.kill()

    def _is_over(self) -> bool:
        """Asked again and again: another thread may say so at any moment."""
        return bool(self._ended_for)

    def _carry(self, work: str, root: Path, feed: Iterable[bytes], heard: Heard) -> None:
        """On a thread: feed it, hear it, wait for its end. Its standard input stays open until then: that it closes
        tells it that we are gone."""
        seconds, memory = int(self._limits.seconds), self._limits.memory
        with tempfile.TemporaryDirectory(prefix=SCRATCH) as scratch:
            if self._is_over():
                raise AsideFailed(self._ended_for)
            process = subprocess.Popen(  # noqa: S603 our own program
                [*python(), "-m", MODULE, work, str(root.absolute()), str(seconds), str(memory)],
                env=bare_environment(scratch), cwd=scratch, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._process = process
            if self._is_over():  # told between the two lines above
                process.kill()
            assert process.stdin is not None, "it was started with one"
            try:
                with contextlib.suppress(BrokenPipeError):
                    for piece in feed:
                        process.stdin.write(piece)
                    process.stdin.flush()
                self._listen(process, heard)
            except BaseException:  # what it was to be fed with could not be read
                process.kill()
                raise
            finally:
                code = process.wait()
                self._process = None
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
        if self._ended_for or code:
            raise AsideFailed(self._ended_for or _why(code))

    def _listen(self, process: subprocess.Popen[bytes], heard: Heard) -> None:
        assert process.stdout is not None, "it was started with one"
        total, rest = 0, b""
        with process.stdout as said:
            while piece := said.read1(PIECE):  # type: ignore[attr-defined]  # a BufferedReader
                total += len(piece)
                if total > self._limits.answer:
                    self.stop("much")
                    return
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._world.from_thread(heard, line)


def _why(code: int) -> str:
    if code == TOO_MUCH_MEMORY:
        return "memory"
    return "slow" if code == -signal.SIGXCPU else "died"


# What it is fed with: a line of JSON, then the files' bytes as they are, in the order that the line says.

Groups = Mapping[str, Mapping[str, bytes]]


def packed(head: Mapping[str, Any], groups: Groups) -> Iterable[bytes]:
    """A head and groups of files; nothing of them is copied."""
    sizes = {name: [[path, len(data)] for path, data in files.items()] for name, files in groups.items()}
    yield json.dumps({"head": head, "files": sizes}).encode() + b"\n"
    for files in groups.values():
        yield from files.values()


def unpacked(line: bytes, read: Callable[[int], bytes]) -> tuple[dict[str, Any], dict[str, dict[str, bytes]]]:
    """Both again. `read`: as many bytes as it is asked for."""
    tree = json.loads(line)
    groups = {name: {path: read(size) for path, size in files} for name, files in tree["files"].items()}
    return tree["head"], groups
