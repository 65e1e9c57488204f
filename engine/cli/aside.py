"""Work beside the engine, in a process of its own: `python -m engine.cli.aside WORK ROOT SECONDS MEMORY`, started by
engine/runtime/aside.py only. WORK: `judge` a folder, `compare` two versions, `rehearse` the conversations.

It can reach nothing of ours: it opens no socket, no store and no process, writes only into the folder for temporary
files it was given, and reads only programs and the configuration (of ROOT nothing else, and no key wherever it lies);
its environment holds no secret. An audit hook refuses the rest, from before the first line of the configuration is
read. It ends by itself when its time or memory is used up, and when the engine is gone.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

TOO_MUCH_MEMORY = 9  # as in engine/runtime/aside.py, which is imported late: there is nothing to lose before the limits
SCRATCH = "engine-aside"  # how the folder for temporary files is called, as there
TRIES = 100
NICE = 10  # what is in flight comes first
PARTS = ("engine.yaml", "channels", "mappings", "schemas")
NO = frozenset({
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill",
    "os.killpg",
})  # fmt: skip
CHANGES = {"os.remove": 1, "os.rename": 2, "os.rmdir": 1, "os.mkdir": 2, "os.truncate": 9, "os.link": 2,
           "os.symlink": 2, "os.chmod": 2}  # fmt: skip
"""Event → where its arguments say relative to which open folder it works, if it has such."""
SYSTEM = ("/usr/share", "/usr/lib", "/usr/local/lib", "/lib", "/lib64", "/etc/localtime", "/etc/ssl", "/proc/self",
          "/proc/meminfo", "/proc/cpuinfo", "/dev/urandom")  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(PermissionError):
    """It tried to reach what it may not."""


def main(work: str, root: Path, seconds: int, memory: int) -> int:
    """Do the work; the exit code is 0 when its answer is whole."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    os.nice(NICE)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")  # where the machine runs out of memory, it is this one that goes
    gc.set_threshold(50_000, 20, 20)  # large tables are many objects and no cycles
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what others print is no answer
    confine(root)
    try:
        from engine.runtime.aside import unpacked

        fed = sys.stdin.buffer
        head, groups = unpacked(fed.readline(), lambda size: _whole(fed, size))
        watch()
        for told in WORKS[work](root, head, groups):
            said.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            said.flush()
    except MemoryError:
        return TOO_MUCH_MEMORY
    return 0


def _whole(fed: BinaryIO, size: int) -> bytes:
    data = fed.read(size)
    if len(data) != size:
        raise EOFError
    return data


def watch() -> None:
    """All was read: leave when the engine is gone, for then our standard input ends, and nobody else takes away the
    folder for temporary files."""

    def wait() -> None:
        os.read(0, 1)
        scratch = Path(tempfile.gettempdir())
        for _ in range(TRIES):  # the work goes on beside, and may just then have written something new
            if scratch.name.startswith(SCRATCH) and scratch.exists():
                shutil.rmtree(scratch, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _programs() -> set[str]:
    """Folders with programs and what they need: Python's own, its packages', ours."""
    ours = Path(__file__).resolve().parents[1]
    paths = {sys.prefix, sys.base_prefix, *(one for one in sys.path if one and one != str(ours.parent)), str(ours)}
    paths |= {os.path.realpath(one) for one in paths}
    return {os.path.abspath(one) for one in paths} | {*SYSTEM, os.devnull}


def confine(root: Path) -> None:
    """From here on what reaches further is refused. Cannot be undone."""
    scratch = os.path.abspath(tempfile.gettempdir())
    readable = (*_programs(), scratch, *(os.path.join(os.path.abspath(root), one) for one in PARTS))

    def inside(path: object, *folders: str) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        text = os.path.abspath(os.fsdecode(path))
        return any(text == one or text.startswith(one + os.sep) for one in folders)

    def may_open(path: object, flags: int) -> bool:
        if isinstance(path, int) or path is None:
            return True  # an open file; it was asked about when it was opened
        return inside(path, scratch, os.devnull) if flags & WRITES else inside(path, *readable)

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event in NO:
            raise Refused(event)
        if event == "open" and not may_open(args[0], args[2] if isinstance(args[2], int) else 0):
            raise Refused(event)
        if event == "engine.store.open" and not (os.path.isabs(args[0]) and inside(args[0], scratch)):
            raise Refused(event)
        at = CHANGES.get(event)
        if at is None:
            return
        beside = len(args) > at and isinstance(args[at], int) and args[at] >= 0  # relative to a folder that is open
        if not beside and not isinstance(args[0], int) and not inside(args[0], scratch):
            raise Refused(event)

    sys.addaudithook(heard)


Head: TypeAlias = Mapping[str, Any]
Groups: TypeAlias = Mapping[str, Mapping[str, bytes]]


def judge(root: Path, head: Head, groups: Groups) -> Iterator[Any]:
    """What the console shows of the folder, as its page keeps it."""
    from engine.console.folder import judged_of_parcel

    yield judged_of_parcel(root, head, groups)


def compare(root: Path, head: Head, groups: Groups) -> Iterator[Any]:
    """What a version changed of another."""
    from engine.console.folder import difference_of_parcel

    yield difference_of_parcel(groups)


def rehearse(root: Path, head: Head, groups: Groups) -> Iterator[Any]:
    """What `engine test` says, conversation by conversation: first how many there are, of which version."""
    from engine.conversation import rehearsals
    from engine.site.files import hash_of, read_files, whole_part

    files = whole_part(read_files(root))
    plays = rehearsals(files)
    yield {"count": len(plays), "version": hash_of(files)}
    for play in plays:
        yield play()


WORKS: dict[str, Callable[[Path, Head, Groups], Iterator[Any]]] = {
    "judge": judge, "compare": compare, "rehearse": rehearse,
}  # fmt: skip


if __name__ == "__main__":
    work, root, seconds, memory = sys.argv[1:5]
    sys.exit(main(work, Path(root), int(seconds), int(memory)))
