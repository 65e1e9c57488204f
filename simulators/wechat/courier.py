"""Callbacks: sealed, signed, posted, and posted again by the platform's schedule until 200 or 204.

Faults are taken here, by the operations `paid`, `refunded` (or `callback` for both), and, for the
four callback faults, also by the operation of the order (`native`, `refund` …).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from simulators.base.faults import Fault
from simulators.base.rounds import WHEN, Rounds, wait_of
from simulators.base.wire import Resp
from simulators.wechat import sign
from simulators.wechat.forms import beijing

if TYPE_CHECKING:
    from simulators.wechat.party import WeChatSim

# Seconds between one try and the next; 24 h 4 min in all.
RETRY = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
PATIENCE = 5.0  # reactor seconds the receiver has
WHEN_FAULTS = (*WHEN, "callback_new_id")
WHAT_FAULTS = (
    "bad_signature", "wrong_amount", "old_timestamp", "other_merchant", "unknown_serial", "missing_signature",
    "probe", "clock_skew", "callback_more_fields", "callback_gbk",
)
AGES = {"old_timestamp": 3600, "clock_skew": -600}  # seconds that a timestamp lies behind


@dataclass
class Notice:
    """One event on its way to the merchant; v3 when `plain` is set, v2 when `xml` is."""

    op: str  # paid, refunded, echo
    event: str
    summary: str
    url: str
    kind: str  # original_type
    associated: str
    plain: dict[str, Any]
    match: dict[str, str]
    origin: str = ""  # the operation that gave the notify_url
    serial: str = ""  # the platform key the merchant asked for, "" any
    xml: Callable[[tuple[str, ...]], bytes] | None = None
    id: str = ""
    created: str = ""
    spoil: tuple[str, ...] = field(default=())


class Courier(Rounds):
    """Delivers notices of one platform."""

    retry, patience = RETRY, PATIENCE

    def __init__(self, party: WeChatSim) -> None:
        super().__init__(party)
        self.party = party
        self.last: dict[str, Notice] = {}  # by the merchant's number, for the act callback_again

    def tell(self, notice: Notice) -> None:
        """Start delivering, as the faults in force want it; nothing when there is no address."""
        if not notice.url:
            return
        self._prepare(notice)
        settings, anew = self.party.settings, None
        when = self._found(notice, WHEN_FAULTS, with_origin=True)
        wait = wait_of(when, settings.callback_delay)
        if wait is not None and settings.probe_rate and self.party.world.rng.random() < settings.probe_rate:
            self.party.later(wait, self.probe, notice)
        if when is not None and when.fault == "callback_new_id":
            anew = partial(self._told, self._copy(notice, new_id=True))
        self.start(when, settings.callback_delay, partial(self._told, notice), anew)

    def tell_now(self, notice: Notice) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        self._prepare(notice)
        return self._told(notice)

    def again(self, no: str) -> None:
        """Deliver the last notice of this number once more, with the same id."""
        self.party.later(0.0, self._told, self._copy(self.last[no]))

    def probe(self, notice: Notice) -> Deferred[None]:
        """The same body with a false signature; the right answer is 4xx or 5xx, and it is not retried."""
        copy = self._copy(notice, new_id=True)
        copy.spoil = ("probe",)
        return self._told(copy, len(RETRY))

    def _prepare(self, notice: Notice) -> None:
        notice.id = self._new_id()
        notice.created = beijing(self.party.world.now())
        what = self._found(notice, WHAT_FAULTS, with_origin=False)
        notice.spoil = (what.fault,) if what else ()
        for number in (notice.match.get("refund_no"), notice.match.get("no")):
            if number:
                self.last[number] = notice
                break

    def _found(self, notice: Notice, kinds: tuple[str, ...], *, with_origin: bool) -> Fault | None:
        ops = [notice.op, "callback"] + ([notice.origin] if with_origin and notice.origin else [])
        for op in ops:
            if fault := self.party.faults.take(op, kinds, lambda: notice.match):
                return fault
        return None

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.party.world.rng.getrandbits(128), version=4))

    def _copy(self, notice: Notice, *, new_id: bool = False) -> Notice:
        return replace(notice, spoil=(), id=self._new_id() if new_id else notice.id)

    def _told(self, notice: Notice, tries: int = 0) -> Deferred[None]:
        return self.send(notice.op, partial(self._written, notice), notice.match, partial(_taken, notice), tries)

    def _written(self, notice: Notice) -> tuple[str, bytes, dict[str, str]]:
        headers = {"User-Agent": "Mozilla/4.0", "Accept": "*/*"}
        if notice.xml is not None:
            return notice.url, notice.xml(notice.spoil), {"Content-Type": "text/xml", **headers}
        body = self._v3_body(notice)
        return notice.url, body, {"Content-Type": "application/json", **headers, **self._signed(notice, body)}

    def _v3_body(self, notice: Notice) -> bytes:
        plain = notice.plain
        if "wrong_amount" in notice.spoil:
            amount = {k: v + 1 if isinstance(v, int) else v for k, v in plain.get("amount", {}).items()}
            plain = {**plain, "amount": amount}
        if "other_merchant" in notice.spoil:
            plain = {**plain, "mchid": "1600000002"}
        more = "callback_more_fields" in notice.spoil
        if more:
            plain = {**plain, "scene_remark": "新增字段", "promotion_detail": [], "future": {"level": 2, "none": None}}
        inner = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        resource = {"original_type": notice.kind, **self.party.identity.seal(inner, notice.associated)}
        form = {
            "id": notice.id, "create_time": notice.created, "resource_type": "encrypt-resource",
            "event_type": notice.event, "summary": notice.summary, "resource": resource,
            **({"notify_version": 4} if more else {}),
        }  # fmt: skip
        charset = "gb18030" if "callback_gbk" in notice.spoil else "utf-8"
        return json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode(charset)

    def _signed(self, notice: Notice, body: bytes) -> dict[str, str]:
        identity = self.party.identity
        signer = identity.callback_signer(self.party.settings.verify, notice.serial)
        headers = identity.headers(signer, body, age=sum(AGES.get(one, 0) for one in notice.spoil))
        return spoiled_headers(headers, notice.spoil)


def _taken(notice: Notice, answer: Resp) -> bool:
    return answer.status in (200, 204) and (notice.xml is None or b"SUCCESS" in answer.body)


def spoiled_headers(headers: dict[str, str], spoil: tuple[str, ...]) -> dict[str, str]:
    """Signature headers made wrong in the ways named."""
    headers = dict(headers)
    signature = headers["Wechatpay-Signature"]
    if "bad_signature" in spoil:
        first = "B" if signature[0] == "A" else "A"
        headers["Wechatpay-Signature"] = first + signature[1:]
    if "probe" in spoil:
        headers["Wechatpay-Signature"] = sign.PROBE + signature[len(sign.PROBE) :]
    if "unknown_serial" in spoil:
        headers["Wechatpay-Serial"] = "0" * 36 + "DEAD"
    if "missing_signature" in spoil:
        del headers["Wechatpay-Signature"]
    return headers
