"""Another configuration while the engine works: everything follows at one stroke, or nothing does."""

from __future__ import annotations

import errno
import json
import re
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory

from engine.core.times import beijing
from engine.store.periods import period
from engine.store.site_versions import history
from engine.store.store import SqlStore
from simulators.kiosk.client import Kiosk
from tests.lifecycle.desk import CHANNEL, ENGINE, Files, apply, edited, in_force, running, staged, taken
from tests.rig.lab import SECRET, Lab

SIGNIN = "channels/insurance_signin.yaml"
CODE = {"choice_no": "1", "kind": "wechat_code", "auth_code": "134000000000000001"}


def _pause(lab: Lab, seconds: float) -> Deferred[None]:
    over: Deferred[None] = Deferred()
    running(lab).world.later(seconds, over.callback, None)
    return over


class _Crowd:
    """Terminals that ask for a patient's bills without a pause. `good` answers; `bad`: whatever else came, and every
    reply that was lost."""

    def __init__(self, lab: Lab, terminals: int = 6) -> None:
        self._on, self.good = True, 0
        self.bad: list[Any] = []
        self._kiosks = [lab.terminal(f"L{n}") for n in range(terminals)]
        self._ended = gatherResults([Deferred.fromCoroutine(self._one(kiosk)) for kiosk in self._kiosks])

    async def _one(self, kiosk: Kiosk) -> None:
        while self._on:
            status, answer = await kiosk.bills("P0001")
            if status == 200 and answer["bills"]:
                self.good += 1
            else:
                self.bad.append((status, answer))

    async def over(self) -> list[Any]:
        """Let them end; what went wrong."""
        self._on = False
        await self._ended
        return self.bad + [kiosk.terminal_id for kiosk in self._kiosks if kiosk.repeated]


async def _spare_port(lab: Lab) -> int:
    return await lab._free_port()


def _moved_his(lab: Lab, files: Files, port: int) -> Files:
    return edited(files, ENGINE, (f"127.0.0.1:{lab.ports['his'].getHost().port}", f"127.0.0.1:{port}"))


@pytest_twisted.ensureDeferred
async def test_no_request_fails_while_everything_changes(steady: Lab) -> None:
    lab = steady
    crowd = _Crowd(lab)
    first, second = lab.ports["his"], lab.parties["his"].listen(0)
    here, there = first.getHost().port, second.getHost().port
    for round_ in range(4):
        files = edited(in_force(lab), CHANNEL, ("title:   ", f"title:   {round_} "))
        files = edited(files, "mappings/his_bills.map.yaml", ("title: ", f"title: {round_} "))
        files = edited(files, ENGINE, (f"127.0.0.1:{here}", f"127.0.0.1:{there}"), ("window:   20", "window:   21"))
        await taken(lab, files)
        running(lab).connections.get("his")
        here, there = there, here
        before = crowd.good
        while crowd.good < before + 20:
            await _pause(lab, 0.5)
        files = edited(in_force(lab), ENGINE, ("window:   21", "window:   20"))
        await taken(lab, files)
    assert await crowd.over() == []
    assert crowd.good > 80
    await second.stopListening()


@pytest_twisted.ensureDeferred
async def test_calls_begun_before_a_party_moved_end_where_they_began(steady: Lab) -> None:
    lab = steady
    lab.fault("his", "query.wait.balance.bill.list", "slow", seconds=1, times=30)
    asked = [Deferred.fromCoroutine(lab.terminal(f"L{n}").bills("P0001")) for n in range(30)]  # window 20: ten wait
    await _pause(lab, 0.5)
    second = lab.parties["his"].listen(0)
    await taken(lab, _moved_his(lab, in_force(lab), second.getHost().port))
    answers = await gatherResults(asked)
    assert [status for status, _ in answers] == [200] * 30
    assert all(lab.terminal(f"L{n}").repeated == 0 for n in range(30))
    await second.stopListening()


@pytest_twisted.ensureDeferred
async def test_listeners_come_go_and_move_without_dropping_the_others(steady: Lab) -> None:
    lab = steady
    api, extra = lab.engine_port, await _spare_port(lab)
    crowd = _Crowd(lab, 3)
    row = f"api:             {{http: 127.0.0.1:{api}}}"
    files = edited(in_force(lab), ENGINE, (row, f"{row}\n  desk: {{http: 127.0.0.1:{extra}}}"))
    await taken(lab, files)
    beside = Kiosk(lab.sim_world, f"http://127.0.0.1:{extra}", "K01", SECRET, "K01")
    assert (await beside.ask("GET", "/readyz"))[1] == {"ready": True}
    status, _ = await beside.ask("GET", "/v1/outpatient/bills?patient=P0001")
    assert status == 404, "the channel listens at the other door"
    moved = await _spare_port(lab)
    files = edited(in_force(lab), ENGINE, (f"desk: {{http: 127.0.0.1:{extra}}}", f"desk: {{http: 127.0.0.1:{moved}}}"))
    await taken(lab, files)
    await _pause(lab, 1.0)
    assert await _refuses(lab, extra)
    assert not await _refuses(lab, moved)
    await taken(lab, edited(in_force(lab), ENGINE, (f"\n  desk: {{http: 127.0.0.1:{moved}}}", "")))
    await _pause(lab, 1.0)
    assert await _refuses(lab, moved)
    assert await crowd.over() == [], "nobody at the other door noticed"
    await beside.close()


async def _refuses(lab: Lab, port: int) -> bool:
    from twisted.internet.endpoints import TCP4ClientEndpoint
    from twisted.internet.error import ConnectionRefusedError as Refused

    from tests.lifecycle.dial import Mute

    try:
        line = await TCP4ClientEndpoint(lab.reactor, "127.0.0.1", port).connect(Factory.forProtocol(Mute))
    except Refused:
        return True
    await line.hang_up()
    return False


@pytest_twisted.ensureDeferred
async def test_a_listener_takes_another_name_and_other_limits_where_it_stands(lab: Lab) -> None:
    before = running(lab).listeners["api"]
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    files = edited(in_force(lab), ENGINE, (row, f"door: {{http: 127.0.0.1:{lab.engine_port}, body_bytes: 2048}}"),
                   ("shares: api", "shares: door"), ("{at: api, users", "{at: door, users"))  # fmt: skip
    for name in [name for name in files if name.startswith("channels/")]:
        files[name] = re.sub(rb"\b(at:\s+)api\b", rb"\1door", files[name])
    await taken(lab, files)
    assert running(lab).listeners["door"] is before
    assert (await lab.kiosk.bills("P0001"))[0] == 200
    long = lab.bill_request("P0001", "B20261122001") | {"operator": "长" * 3000}
    status, _ = await lab.kiosk.settle(long)
    assert status == 413


@pytest_twisted.ensureDeferred
async def test_clients_their_secrets_and_scopes_follow(lab: Lab) -> None:
    was = "K01: {secret: file:var/keys/client-K01.secret, scopes: [query, settle]}"
    files = edited(in_force(lab), ENGINE, (was, "K09: {secret: file:var/keys/client-K09.secret, scopes: [query]}"))
    status, answer = await apply(lab, files)
    assert (status, answer["reason"]["code"]) == (409, "E-SITE-KEYS"), "its key is not there yet"
    assert "clients.K09" in answer["reason"]["en"]
    assert SECRET not in str(answer)
    assert (await lab.kiosk.bills("P0001"))[0] == 200
    (lab.folder / "var/keys/client-K09.secret").write_text("another secret of sixteen")
    await taken(lab, files)
    assert (await lab.kiosk.bills("P0001"))[0] == 401
    new = Kiosk(lab.sim_world, lab.url(), "K09", "another secret of sixteen", "K09")
    assert (await new.bills("P0001"))[0] == 200
    assert (await new.settle(lab.bill_request("P0001", "B20261122001")))[0] == 403
    await new.close()


@pytest_twisted.ensureDeferred
async def test_the_same_configuration_again_reads_the_keys_anew(lab: Lab) -> None:
    """After a rotation: the old key stops working at the party, the new one lies in the same file."""
    secret = lab.folder / "var/sim/his/secret"
    old = running(lab).connections.get("his").opened
    secret.write_text("0123456789abcdef0123456789abcdef")
    status, answer = await apply(lab, in_force(lab))
    assert (status, answer["changed"]) == (200, False)
    assert running(lab).connections.get("his").opened != old
    secret.unlink()
    await apply(lab, in_force(lab))
    assert running(lab).connections.get("his").opened != old, "a key that is gone does not take away the one in use"
    assert [turn.kind for turn in await running(lab).store.read(history)] == ["start"], "nothing changed"


BAD: dict[str, tuple[str, tuple[str, str], str]] = {
    "a mistake in a channel": (CHANNEL, ("do: his.lock", "do: his.lok"), "E301"),
    "a mistake in engine.yaml": (ENGINE, ("kind:     his\n", "kind:     hiss\n"), "E309"),
    "a secret in clear": (ENGINE, ("secret:   file:var/sim/his/secret", "secret:   0123456789"), "E208"),
}


@pytest.mark.parametrize("what", BAD)
@pytest_twisted.ensureDeferred
async def test_a_wrong_one_is_refused_whole_with_every_problem(lab: Lab, what: str) -> None:
    file, pair, code = BAD[what]
    old = running(lab).sites.current
    files = edited(edited(in_force(lab), "mappings/his_bill.map.yaml", ("make:", "mak:")), file, pair)
    status, answer = await apply(lab, files)
    assert (status, answer["reason"]["code"]) == (400, "E-SITE-WRONG"), answer
    told = {(one["file"], one["code"]) for one in answer["problems"]}
    assert (file, code) in told
    assert any(name == "mappings/his_bill.map.yaml" for name, _ in told), "all problems at once"
    assert "0123456789" not in str(answer)
    assert running(lab).sites.current is old
    assert (await lab.kiosk.bills("P0001"))[0] == 200


@pytest_twisted.ensureDeferred
async def test_what_needs_a_new_start_is_named_and_refused(lab: Lab) -> None:
    files = edited(in_force(lab), ENGINE, ("store: sqlite:var/engine.db", "store: sqlite:var/other.db"),
                   ("name: demo, profile: demo", "name: demo, profile: test"))  # fmt: skip
    status, answer = await apply(lab, files)
    assert (status, answer["reason"]["code"]) == (409, "E-SITE-RESTART")
    assert "engine.profile, store" in answer["reason"]["en"]


@pytest_twisted.ensureDeferred
async def test_a_listener_that_cannot_be_opened_leaves_all_as_it_was(lab: Lab) -> None:
    old, doors = running(lab).sites.current, dict(running(lab).listeners)
    free, taken_port = await _spare_port(lab), lab.ports["wechat"].getHost().port
    row = f"api:             {{http: 127.0.0.1:{lab.engine_port}}}"
    more = f"{row}\n  a: {{http: 127.0.0.1:{free}}}\n  b: {{http: 127.0.0.1:{taken_port}}}"
    status, answer = await apply(lab, edited(in_force(lab), ENGINE, (row, more)))
    assert (status, answer["reason"]["code"]) == (409, "E-SITE-DOOR"), answer
    assert f"b 127.0.0.1:{taken_port}" in answer["reason"]["en"]
    assert (running(lab).sites.current, running(lab).listeners) == (old, doors)
    assert await _refuses(lab, free), "the one that could be opened is closed again"


@pytest_twisted.ensureDeferred
async def test_of_two_editors_the_second_is_told_of_the_first(lab: Lab) -> None:
    base = running(lab).sites.current.version
    one = edited(in_force(lab), CHANNEL, ("title:   ", "title:   甲"))
    other = edited(in_force(lab), CHANNEL, ("title:   ", "title:   乙"))
    first = await taken(lab, one, by="测试甲")
    status, answer = await apply(lab, other, base=base, by="测试乙")
    assert (status, answer["reason"]["code"]) == (409, "E-SITE-MOVED")
    assert (answer["in_force"]["version"], answer["in_force"]["by"]) == (first, "测试甲")
    assert running(lab).sites.current.version == first
    await taken(lab, other, by="测试乙")
    lines = await running(lab).store.read(history)
    assert [(turn.kind, turn.by, turn.reason) for turn in lines] == [
        ("apply", "测试乙", "测试"), ("apply", "测试甲", "测试"), ("start", "engine", ""),
    ]  # fmt: skip
    assert [turn.base for turn in lines] == [first, base, ""]


@pytest_twisted.ensureDeferred
async def test_two_at_the_same_instant_cannot_both_win(lab: Lab) -> None:
    base = running(lab).sites.current.version
    files = [edited(in_force(lab), CHANNEL, ("title:   ", f"title:   {word}")) for word in "甲乙丙"]
    asked = [Deferred.fromCoroutine(apply(lab, one, base=base)) for one in files]
    answers = await gatherResults(asked)
    assert sorted(status for status, _ in answers) == [200, 409, 409]
    assert {answer["reason"]["code"] for status, answer in answers if status == 409} <= {"E-SITE-BUSY", "E-SITE-MOVED"}
    assert len(await running(lab).store.read(history)) == 2


@pytest_twisted.ensureDeferred
async def test_rollback_brings_back_the_very_bytes(lab: Lab) -> None:
    first = running(lab).sites.current
    await taken(lab, edited(in_force(lab), CHANNEL, ("title:   ", "title:   甲")))
    desk = lab.terminal("OPS", client="OPS")
    body = {"version": first.version, "base": running(lab).sites.current.version, "by": "测试甲", "reason": "退回"}
    status, answer = await desk.ask("POST", "/v1/site/rollback", body)
    assert (status, answer["kind"], answer["version"]) == (200, "rollback", first.version), answer
    assert running(lab).sites.current.source == first.source
    status, shown = await desk.ask("GET", "/v1/site")
    assert (status, shown["version"], shown["by"], shown["reason"]) == (200, first.version, "测试甲", "退回")
    status, answer = await desk.ask("POST", "/v1/site/rollback", {**body, "base": first.version, "version": "0" * 64})
    assert (status, answer["reason"]["code"]) == (404, "E-SITE-NONE")


@pytest_twisted.ensureDeferred
async def test_who_may_change_it_and_what_is_staged(lab: Lab) -> None:
    files = edited(in_force(lab), CHANNEL, ("title:   ", "title:   甲"))
    version, base = staged(lab.folder, files), running(lab).sites.current.version
    body = {"version": version, "base": base, "by": "甲", "reason": "试"}
    assert (await lab.kiosk.ask("POST", "/v1/site/apply", body))[0] == 403
    assert (await lab.kiosk.ask("GET", "/v1/site"))[0] == 403
    desk = lab.terminal("OPS", client="OPS")
    place = lab.folder / "var/staged" / f"{version}.json"
    place.write_text(place.read_text().replace("甲", "乙").replace("\\u7532", "\\u4e59"))
    status, answer = await desk.ask("POST", "/v1/site/apply", body)
    assert (status, answer["reason"]["code"]) == (404, "E-SITE-NONE"), "other bytes than were judged"
    for wrong in ({"by": " "}, {"reason": ""}):
        assert (await desk.ask("POST", "/v1/site/apply", {**body, **wrong}))[0] == 400
    staged(lab.folder, files)
    assert (await desk.ask("POST", "/v1/site/apply", body))[0] == 200
    assert not place.exists(), "it is in the store now"


@pytest_twisted.ensureDeferred
async def test_the_clock_s_channels_follow(lab: Lab) -> None:
    """One that is gone runs no more; a new one runs at once; one that is back does not repeat a day that is done."""
    await _pause(lab, 5.0)
    signed, shipped = _signs(lab), in_force(lab)
    assert signed, "it signed in at the start"
    rest = {name: data for name, data in shipped.items() if "insurance_signin" not in name}
    other = shipped[SIGNIN].replace(b"channel: insurance_signin", b"channel: morning_signin")
    await taken(lab, {**rest, "channels/morning_signin.yaml": other})
    await _pause(lab, 5.0)
    assert [running(lab).timed.plans(name) for name in ("insurance_signin", "morning_signin")] == [False, True]
    assert _signs(lab) == signed + 1
    await taken(lab, shipped)
    await _pause(lab, 5.0)
    assert [running(lab).timed.plans(name) for name in ("insurance_signin", "morning_signin")] == [True, False]
    assert _signs(lab) == signed + 1, "this day was done already"
    now = running(lab).world.now()
    in_an_hour = now + 60.0 * 60.0
    later = beijing(in_an_hour, "%H:%M")
    await taken(lab, edited(in_force(lab), SIGNIN, ('from: "00:00"', f'from: "{later}"')))
    await _pause(lab, 5.0)
    day = beijing(in_an_hour - 86_400.0, "%Y-%m-%d")  # yesterday, but for the hour before midnight
    run = await running(lab).store.read(lambda conn: period(conn, "insurance_signin", day))
    assert run is not None, "the period that began at that time a day ago had no run yet"


def _signs(lab: Lab) -> int:
    return sum("9001" in str(one) for one in lab.parties["insurance"].exchanges.since(0)["exchanges"])


@pytest_twisted.ensureDeferred
async def test_a_store_that_does_not_take_it_leaves_all_as_it_was(lab: Lab) -> None:
    old = running(lab).sites.current
    store = running(lab).store
    assert isinstance(store, SqlStore)

    def full(moment: str, units: Any) -> None:
        if moment == "before_commit" and any(unit.name == "site" for unit in units):
            raise OSError(errno.ENOSPC, "No space left on device")

    store.fail = full
    files = edited(in_force(lab), ENGINE, ("window:   20", "window:   21"))
    body = {"version": staged(lab.folder, files), "base": old.version, "by": "甲", "reason": "试"}
    target, desk = "/v1/site/apply", lab.terminal("OPS", client="OPS")
    status, _ = await desk._once("POST", target, json.dumps(body).encode(), 60.0)
    assert status == 503
    assert running(lab).sites.current is old
    store.fail = None
