"""A hospital whose HIS leads, on a simulated reactor: kiosk, engine, payment, and a HIS that itself asks the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred

import tests.rig.lab as rig
from engine.runtime.books import Books, check_books, simulator_ledgers
from engine.runtime.books_load import load_view
from engine.saga.rules import RULES, Rules
from engine.site.site import Site
from tests.rig.lab import PARTIES, Lab
from tests.simulation.reactor import SimReactor

DOOR = "/v1/outpatient/his-led/settlements"
CHANNEL = "channels/outpatient_settlement_his_led.yaml"
CODE = {"kind": "wechat_code", "auth_code": "134567890123456789"}
QR = {"kind": "wechat_qr"}
REST = ("settled", "undone", "rejected", "manual")
BILL, PATIENT = "B20261122001", "P0001"  # 1,200.00, of which the fund pays 125.00
PAY, UNPAY, ASK, QUOTE = "balance.and.pay.bill", "void.pay.bill", "query.pay.bill", "pre.balance.bill"
Patch = Mapping[str, tuple[str, str]]


class LedLab(Lab):
    """The laboratory with kiosks at the HIS-led door. `patch`: file of the site → (old text, new text)."""

    patch: Patch = MappingProxyType({})

    def site(self) -> Site:
        shipped = rig._shipped
        files = dict(shipped())
        for name, (old, new) in self.patch.items():
            text = files[name].decode()
            assert old in text, f"{name} has no {old!r}"
            files[name] = text.replace(old, new).encode()
        rig._shipped = lambda: files  # type: ignore[assignment]  # the same mapping, spoiled
        try:
            return super().site()
        finally:
            rig._shipped = shipped

    def terminal(self, terminal_id: str, client: str = "K01") -> Any:
        kiosk = super().terminal(terminal_id, client)
        kiosk.door = DOOR
        return kiosk


class Town:
    """One hospital, and the few things the tests do in it."""

    def __init__(
        self, folder: Path, *, patch: Patch | None = None, rules: Rules = RULES, seed: int = 7,
        edit: tuple[tuple[str, str], ...] = (), more: Mapping[str, bytes] | None = None,
    ) -> None:
        self.sim = SimReactor(seed)
        parties, engine = self.sim.node("parties"), self.sim.node("engine")
        self.lab = LedLab(
            parties, folder, engine_reactor=engine, inline=True, rules=rules, seed=seed, edit=edit, more=more or {},
        )  # fmt: skip
        self.lab.patch = patch or {}
        self._asked, self._last = 0, dict[str, Any]()

    def do(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Let the world go on until it has ended."""
        ended: list[Any] = []

        async def carried() -> Any:
            return await work()

        Deferred.fromCoroutine(carried()).addBoth(ended.append)
        assert self.sim.run(lambda: bool(ended), 7200.0), "it never ended"
        if hasattr(ended[0], "raiseException"):
            ended[0].raiseException()
        return ended[0]

    def begin(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Somebody begins something; the world goes on when the test says so."""

        async def carried() -> Any:
            return await work()

        Deferred.fromCoroutine(carried())

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.sim.run(lambda: False, seconds)

    # The patient

    @property
    def kiosk(self) -> Any:
        """The first terminal, of a client that may also refund."""
        return self.lab.terminal("K01", client="C01")

    async def quote(self, bill: str = BILL, patient: str = PATIENT, *, insured: bool = True) -> dict[str, Any]:
        """Before the kiosk: the first answer."""
        request_no = f"K01-{self._asked}"
        self._asked += 1
        asked = self.lab.bill_request(patient, bill, request_no=request_no, insured=insured)
        self._last = asked
        _, answer = await self.kiosk.settle(asked)
        return dict(answer)

    async def repeat(self) -> dict[str, Any]:
        """The last first request once more, word for word."""
        _, answer = await self.kiosk.settle(self._last)
        return dict(answer)

    async def pay(self, no: str, choice: Mapping[str, Any] = QR) -> dict[str, Any]:
        """The patient chooses, pays what is shown, and waits for the end."""
        self._asked += 1
        await self.kiosk.pay(no, {"choice_no": str(self._asked), **choice})
        return await self.rest(no)

    async def rest(self, no: str) -> dict[str, Any]:
        """Wait for the end, paying what is shown."""
        for _ in range(400):
            _, answer = await self.kiosk.show(no, wait=10)
            if answer["state"] == "paying":
                self.lab.act("wechat", "pay", no=answer["numbers"]["trade"])
            elif answer["state"] in REST:
                return dict(answer)
        raise AssertionError(answer)

    async def settle(
        self, bill: str = BILL, patient: str = PATIENT, choice: Mapping[str, Any] = QR, *, insured: bool = True
    ) -> dict[str, Any]:
        """From the first request to the end; one that is not quoted ends with its first answer."""
        first = await self.quote(bill, patient, insured=insured)
        if first["state"] == "working":
            first = await self.until(first["settlement_no"], "quoted", *REST)
        return first if first["state"] != "quoted" else await self.pay(first["settlement_no"], choice)

    async def refund(self, no: str) -> dict[str, Any]:
        """The desk takes a settled bill back, whole."""
        self._asked += 1
        body = {"request_no": f"R{self._asked}", "reason_code": "refund"}
        await self.kiosk.ask("POST", f"/v1/settlements/{no}/refunds", body)
        return await self.rest(no)

    async def until(self, no: str, *states: str) -> dict[str, Any]:
        """Ask until it has one of these states."""
        for _ in range(200):
            _, answer = await self.kiosk.show(no, wait=10)
            if answer["state"] in states:
                return dict(answer)
        raise AssertionError(answer)

    # The judges

    def books(self) -> Books:
        """`engine books` over the parties' own ledgers."""

        async def check() -> Books:
            engine = self.lab.engine
            assert engine is not None
            known = engine.sites.current.engine.parties
            names = ("nhsa" if name == "insurance" else name for name in PARTIES)
            parties = {name: (known[name].kind, known[name].url) for name in names}
            return await check_books(engine.world, engine.store, simulator_ledgers(engine.world, parties))

        found: Books = self.do(check)
        return found

    def differences(self) -> list[str]:
        """The kinds of what the books found."""
        return sorted(one.kind for one in self.books().differences)

    def live(self, party: str, kind: str) -> list[dict[str, Any]]:
        """Rows of a ledger that stand."""
        return [row for row in self.lab.ledger(party, kind) if row["state"] == "done"]

    def kept(self) -> int:
        """Fen the payment platform keeps."""
        taken = sum(row["amount"] for row in self.lab.ledger("wechat", "charge"))
        return int(taken - sum(row["amount"] for row in self.lab.ledger("wechat", "refund", "reverse")))

    def sent(self, party: str, *ops: str) -> list[str]:
        """Operations a party was asked for, in order."""
        rows = self.lab.parties[party].exchanges.since(0)["exchanges"]
        return [row["op"] for row in rows if row["direction"] == "in" and (not ops or row["op"] in ops)]

    def legs(self, no: str) -> list[tuple[str, str, bool, str]]:
        """(call, state, undo, because) of a settlement's legs as the store has them."""

        async def look() -> Any:
            engine = self.lab.engine
            assert engine is not None
            return await engine.store.read(lambda conn: load_view(conn, engine.world.now()))

        view = self.do(look)
        return [(leg.call, str(leg.state), leg.undo, leg.because) for leg in view.settlements[no].legs]

    def states(self) -> dict[str, str]:
        """Settlement → state, as the store has it."""

        async def look() -> Any:
            engine = self.lab.engine
            assert engine is not None
            return await engine.store.read(lambda conn: load_view(conn, engine.world.now()))

        return {no: str(kept.state) for no, kept in self.do(look).settlements.items()}

    def nothing_stands(self) -> None:
        """No party holds anything of anybody."""
        assert self.kept() == 0
        for party, kind in (("his", "book"), ("his", "settle"), ("his", "issue"), ("insurance", "settle"),
                            ("einvoice", "issue")):  # fmt: skip
            assert self.live(party, kind) == [], (party, kind)
        assert [row for row in self.lab.ledger("his", "lock") if row["state"] == "live"] == []
        assert [row for row in self.lab.ledger("insurance", "register") if row["state"] == "open"] == []
        assert [row for row in self.lab.ledger("insurance", "upload") if row["state"] == "uploaded"] == []

    def settled_once(self, answer: Mapping[str, Any], *, insured: bool = True) -> None:
        """All five books say the same, one time, to the fen."""
        assert answer["state"] == "settled", answer
        amounts, numbers = answer["amounts"], answer["numbers"]
        assert [row["amount"] for row in self.live("his", "book")] == [amounts["total"]]
        assert self.kept() == amounts["cash"]
        assert [row["party_no"] for row in self.live("einvoice", "issue")] == [numbers["invoice"]]
        assert [row["amount"] for row in self.live("einvoice", "issue")] == [amounts["total"]]
        settled = self.live("insurance", "settle")
        assert [row["party_no"] for row in settled] == ([numbers["insurance"]] if insured else [])
        if insured:
            seen = {name: settled[0][name] for name in ("fund", "account", "cash")}
            assert seen == {name: amounts[name] for name in seen}
