"""A drop directory on an SFTP server, over real sockets: the host is known, files are taken and written whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.conch.ssh import filetransfer
from twisted.internet import reactor  # noqa: TID251 - these tests are about real sockets
from twisted.internet.defer import Deferred

from engine.connectors.contract import Clash, NotSent, Silent
from engine.connectors.files.parcel import TAKEN, Fate, Parcel, Verdict
from engine.connectors.files.pickup import Pickup, PickupLimits
from engine.connectors.files.place import PlaceTrouble, Unsure
from engine.connectors.files.ready import Convention
from engine.connectors.files.sender import FileSender
from engine.connectors.files.sftp import SftpPlace
from engine.connectors.files.ssh import SshLogin
from engine.core.retry import Backoff
from engine.core.world import World
from tests.connectors.sftp_server import House, new_key

WORLD = World(reactor)


def pause(seconds: float) -> Deferred[None]:
    waited: Deferred[None] = Deferred()
    WORLD.later(seconds, waited.callback, None)
    return waited


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await pause(0.01)
    raise AssertionError("it never came")


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Path) -> Any:
    (tmp_path / "in").mkdir()
    made = House(tmp_path)
    yield made
    await made.stop()


def place(house: House, **more: Any) -> SftpPlace:
    login = {"user": "lab", "host_keys": (house.fingerprint,), "password": "secret"} | more.pop("login", {})
    return SftpPlace(WORLD, "127.0.0.1", house.port, "/in", "n1", SshLogin(**login), **{"op_s": 5, **more})


def pickup(house: House, batches: list[list[Parcel]], answer: Any = None, **more: Any) -> Pickup:
    async def receive(batch: Sequence[Parcel]) -> Sequence[Verdict]:
        batches.append(list(batch))
        return answer(batch) if answer else [TAKEN] * len(batch)

    limits = PickupLimits(every_s=0.05, file_bytes=3_000_000, retry=Backoff(first=0.05))
    return Pickup(WORLD, "lab", place(house), receive, Convention("*.hl7"), limits, **more)


@pytest_twisted.ensureDeferred
async def test_files_are_taken_refused_recognised_and_kept_on_the_server(house: House) -> None:
    folder = house.root / "in"
    big = WORLD.token(2_500_000)
    (folder / "a.hl7").write_bytes("億東瑋".encode("gb18030"))
    (folder / "b.hl7").write_bytes(big)
    (folder / os.fsdecode("测试甲.hl7".encode("gb18030"))).write_bytes(b"bad")
    (folder / "long.hl7").write_bytes(b"x" * 3_000_001)
    (folder / "half.hl7.tmp").write_bytes(b"x")
    batches: list[list[Parcel]] = []
    troubles: list[tuple[str, str]] = []
    again: list[Parcel] = []

    def answer(batch: Sequence[Parcel]) -> list[Verdict]:
        fates = {b"bad": Fate.REFUSED, b"same": Fate.DUPLICATE}
        return [Verdict(fates[parcel.body], "reason") if parcel.body in fates else TAKEN for parcel in batch]

    taking = pickup(house, batches, answer, on_trouble=lambda *row: troubles.append(row), on_duplicate=again.append)
    taking.start()
    await until(lambda: taking.taken == 2 and taking.refused == 2)
    (folder / "same.hl7").write_bytes(b"same")
    await until(lambda: taking.duplicates == 1)
    await taking.stop()
    found = {parcel.name: parcel.body for batch in batches for parcel in batch}
    assert found == {"a.hl7": "億東瑋".encode("gb18030"), "b.hl7": big, "测试甲.hl7": b"bad", "same.hl7": b"same"}
    assert [parcel.name for parcel in again] == ["same.hl7"]
    assert troubles == [("too-long", "long.hl7")]
    kept = {path.name.split("-", 2)[2] for path in (folder / "archive").rglob("*.*") if path.is_file()}
    assert kept == {"a.hl7", "b.hl7", "same.hl7", "same.hl7.json"}
    wrong = {path.name.split("-", 2)[2] for path in (folder / "error").rglob("*.*") if path.is_file()}
    assert wrong == {"测试甲.hl7", "测试甲.hl7.json", "long.hl7", "long.hl7.json"}
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["half.hl7.tmp"]
    assert len(house.connections) == 1


@pytest_twisted.ensureDeferred
async def test_a_server_that_goes_away_at_any_step_loses_no_file(house: House) -> None:
    folder = house.root / "in"
    batches: list[list[Parcel]] = []
    for step in ("list", "stat", "mkdir", "rename", "open", "read"):
        left = [True]

        def before(now: str, step: str = step, left: list[bool] = left) -> Any:
            if now == step and left:
                left.clear()
                house.cut()
                return Deferred()
            return None

        house.before = before
        (folder / f"{step}.hl7").write_bytes(step.encode())
        taking = pickup(house, batches)
        taking.start()
        await until(lambda taking=taking: taking.taken == 1)  # type: ignore[misc]  # mypy cannot read the default
        await taking.stop()
        if step != "mkdir":  # only the first time is there something to make
            assert not left, step
    assert sorted(parcel.body for batch in batches for parcel in batch) == sorted(
        step.encode() for step in ("list", "stat", "mkdir", "rename", "open", "read")
    )


@pytest_twisted.ensureDeferred
async def test_a_key_or_a_password_signs_in_and_nothing_else_does(house: House) -> None:
    other, _ = new_key()
    good: list[dict[str, Any]] = [
        {},
        {"password": "", "key_pem": house.client_pem},
        {"password": "secret", "key_pem": other},
    ]
    for login in good:
        one = place(house, login=login)
        assert await one.look() == []
        await one.close()
    for login in ({"password": "wrong"}, {"password": "", "key_pem": other}, {"user": "nobody"}):
        one = place(house, login=login)
        with pytest.raises(PlaceTrouble, match="sign-in"):
            await one.look()


@pytest_twisted.ensureDeferred
async def test_a_host_with_another_key_hears_no_password(house: House) -> None:
    heard: list[Any] = []
    house.requestAvatar = lambda *args: heard.append(args)  # type: ignore[method-assign,func-returns-value]
    one = place(house, login={"host_keys": ("SHA256:AAAA",)})
    with pytest.raises(PlaceTrouble, match="host key"):
        await one.look()
    assert heard == []
    with pytest.raises(ValueError, match="host_keys"):
        place(house, login={"host_keys": ()})
    with pytest.raises(ValueError, match="key_pem"):
        place(house, login={"key_pem": b"nonsense"})


@pytest_twisted.ensureDeferred
async def test_who_is_no_sftp_server_is_given_up_in_time(house: House) -> None:
    from twisted.internet.protocol import Factory, Protocol

    net: Any = reactor
    quiet = net.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
    login = SshLogin("lab", (house.fingerprint,), "secret")
    mute = SftpPlace(WORLD, "127.0.0.1", quiet.getHost().port, "/", "n1", login, connect_timeout=0.2)
    with pytest.raises(PlaceTrouble, match="timeout in handshake"):
        await mute.look()
    await quiet.stopListening()
    with pytest.raises(PlaceTrouble, match="connect"):
        await mute.look()


@pytest_twisted.ensureDeferred
async def test_a_file_is_written_under_another_name_and_renamed(house: House) -> None:
    folder = house.root / "in"
    seen: list[list[str]] = []

    def before(step: str) -> None:
        if step == "rename":
            seen.append([path.name for path in folder.iterdir()])
            assert next(iter(folder.iterdir())).read_bytes() == body

    body = WORLD.token(1_000_000)
    house.before = before
    sender = FileSender(WORLD, place(house))
    assert await sender.send("S1.json", body, 10) is True
    assert len(seen[0]) == 1
    assert seen[0][0].startswith(".")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"S1.json": body}
    house.before = lambda step: None
    assert await sender.send("S1.json", body, 10) is False
    for other in (b"", body + b"x", body[:-1] + b"\0\0"[: 1 + (body[-1] == 0)]):
        with pytest.raises(Clash):
            await sender.send("S1.json", other, 10)
    assert sorted(path.name for path in folder.iterdir()) == ["S1.json"]
    await sender.stop()


@pytest_twisted.ensureDeferred
async def test_a_lost_answer_to_the_rename_is_silence_and_the_repeat_finds_the_file(house: House) -> None:
    house.before = lambda step: "after" if step == "rename" else None
    sender = FileSender(WORLD, place(house, op_s=0.3))
    with pytest.raises(Silent):
        await sender.send("S1.json", b"x", 10)
    house.before = lambda step: None
    assert await sender.send("S1.json", b"x", 10) is False
    assert len(house.connections) == 2
    await sender.stop()


@pytest_twisted.ensureDeferred
async def test_what_is_lost_before_the_rename_was_not_sent(house: House) -> None:
    for step in ("open", "write"):
        house.before = lambda now, step=step: Deferred() if now == step else None
        sender = FileSender(WORLD, place(house, op_s=0.3))
        with pytest.raises(NotSent):
            await sender.send("S1.json", b"x", 10)
        await sender.stop()
    assert not (house.root / "in" / "S1.json").exists()


@pytest_twisted.ensureDeferred
async def test_a_server_that_says_no_in_gbk_is_still_understood(house: House) -> None:
    class Gbk(filetransfer.SFTPError):
        pass

    def before(step: str) -> None:
        if step == "open":
            raise Gbk(filetransfer.FX_PERMISSION_DENIED, "ignored")

    house.before = before
    send = filetransfer.FileTransferServer._sendStatus

    def in_gbk(self: Any, request: bytes, code: int, message: Any, lang: bytes = b"") -> None:
        send(self, request, code, "权限不足".encode("gb18030"), lang)

    filetransfer.FileTransferServer._sendStatus = in_gbk
    try:
        (house.root / "in" / "a.hl7").write_bytes(b"x")
        one = place(house)
        with pytest.raises(PlaceTrouble, match="sftp status 3") as denied:
            await one.put("S1.json", b"x", ".t.tmp")
        assert not isinstance(denied.value, Unsure)
        await one.close()
    finally:
        filetransfer.FileTransferServer._sendStatus = send


@pytest_twisted.ensureDeferred
async def test_chunks_that_come_short_are_asked_for_again(house: House) -> None:
    house.chunk = 1000
    body = WORLD.token(200_000)
    (house.root / "in" / "a.hl7").write_bytes(body)
    batches: list[list[Parcel]] = []
    taking = pickup(house, batches)
    taking.start()
    await until(lambda: taking.taken == 1)
    await taking.stop()
    assert batches[0][0].body == body


@pytest_twisted.ensureDeferred
async def test_a_link_on_the_server_is_not_followed(house: House) -> None:
    (house.root / "secret").write_bytes(b"secret")
    (house.root / "in" / "a.hl7").symlink_to(house.root / "secret")
    (house.root / "in" / "b.hl7").write_bytes(b"b")
    batches: list[list[Parcel]] = []
    troubles: list[tuple[str, str]] = []
    taking = pickup(house, batches, on_trouble=lambda *row: troubles.append(row))
    taking.start()
    await until(lambda: taking.taken == 1)
    await pause(0.2)
    await taking.stop()
    assert [parcel.body for batch in batches for parcel in batch] == [b"b"]
    assert troubles == [("odd", "a.hl7: not a regular file")]
