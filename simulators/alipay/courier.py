"""Notifications: a signed form, posted again by the platform's schedule until the answer is exactly `success`.

Faults are taken here, by the operations `paid`, `refunded`, `auth` (or `callback` for all), and, for the callback
faults, also by the operation of the order (`precreate`, `pay`, `refund` …).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from twisted.internet.defer import Deferred

from simulators.alipay.trade import yuan
from simulators.base.faults import Fault
from simulators.base.rounds import WHEN, Rounds
from simulators.base.wire import Resp

if TYPE_CHECKING:
    from simulators.alipay.party import AlipaySim

# Seconds between one try and the next: 8 notifications in 24 h 22 min.
RETRY = (240, 600, 600, 3600, 7200, 21600, 54000)
PATIENCE = 5.0  # reactor seconds the receiver has
WHEN_FAULTS = (*WHEN, "callback_new_id")
WHAT_FAULTS = ("bad_signature", "wrong_amount", "other_app", "other_seller", "unsigned",
               "callback_more_fields", "callback_gbk")  # fmt: skip


@dataclass
class Notice:
    """One event on its way to the seller."""

    op: str  # paid, refunded, auth
    url: str
    fields: dict[str, str]
    match: dict[str, str]
    origin: str = ""  # the operation that gave the notify_url
    charset: str = "utf-8"  # the seller's
    id: str = ""
    spoil: tuple[str, ...] = field(default=())


class Courier(Rounds):
    """Delivers notices."""

    retry, patience = RETRY, PATIENCE

    def __init__(self, party: AlipaySim) -> None:
        super().__init__(party)
        self.party = party
        self.last: dict[str, Notice] = {}  # by the seller's number, for the act callback_again

    def tell(self, notice: Notice) -> None:
        """Start delivering, as the faults in force want it; nothing when there is no address."""
        if not notice.url:
            return
        self._prepare(notice)
        when = self._found(notice, WHEN_FAULTS, with_origin=True)
        anew = None
        if when is not None and when.fault == "callback_new_id":
            anew = partial(self._told, self._copy(notice, new_id=True))
        self.start(when, self.party.settings.callback_delay, partial(self._told, notice), anew)

    def tell_now(self, notice: Notice) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        self._prepare(notice)
        return self._told(notice)

    def again(self, no: str) -> None:
        """Deliver the last notice of this number once more, with the same id."""
        self.party.later(0.0, self._told, self._copy(self.last[no]))

    def _prepare(self, notice: Notice) -> None:
        notice.id = self._new_id()
        what = self._found(notice, WHAT_FAULTS, with_origin=False)
        notice.spoil = (what.fault,) if what else ()
        number = notice.match.get("refund_no") or notice.match.get("no")
        if number:
            self.last[number] = notice

    def _found(self, notice: Notice, kinds: tuple[str, ...], *, with_origin: bool) -> Fault | None:
        ops = [notice.op, "callback"] + ([notice.origin] if with_origin and notice.origin else [])
        for op in ops:
            if fault := self.party.faults.take(op, kinds, lambda: notice.match):
                return fault
        return None

    def _new_id(self) -> str:
        return f"{self.party.world.stamp('%Y%m%d')}00222{self.party.world.rng.getrandbits(64):020d}"

    def _copy(self, notice: Notice, *, new_id: bool = False) -> Notice:
        return replace(notice, spoil=(), id=self._new_id() if new_id else notice.id)

    def form_of(self, notice: Notice) -> bytes:
        """The form as it goes out: signed over the values, then encoded. Empty values are never sent."""
        party, charset = self.party, self._charset(notice)
        fields = {
            **notice.fields, "app_id": party.identity.app_id, "auth_app_id": party.identity.app_id,
            "notify_id": notice.id, "notify_time": party.world.stamp(), "charset": charset, "version": "1.0",
        }
        spoil = notice.spoil
        if "callback_more_fields" in spoil:
            fields |= {"scene_remark": "新增字段", "future_level": "2"}
        if "wrong_amount" in spoil:
            name = "total_amount" if "total_amount" in fields else "amount"  # of an authorisation
            fields[name] = yuan(int(fields[name].replace(".", "")) + 1)
        if "other_app" in spoil:
            fields["app_id"] = "2021000000000999"
        if "other_seller" in spoil:
            fields["seller_id"] = "2088000000000999"
        whole = party.identity.notice({k: v for k, v in fields.items() if v}, charset)
        if "bad_signature" in spoil:
            whole["sign"] = ("B" if whole["sign"][0] == "A" else "A") + whole["sign"][1:]
        if "unsigned" in spoil:
            del whole["sign"]
        return "&".join(f"{k}={quote_plus(v.encode(charset))}" for k, v in whole.items()).encode("ascii")

    def _charset(self, notice: Notice) -> str:
        if "callback_gbk" in notice.spoil or notice.charset == "GBK":
            return "GBK"
        return self.party.settings.notify_charset

    def _told(self, notice: Notice) -> Deferred[None]:
        return self.send(notice.op, partial(self._written, notice), notice.match, _taken)

    def _written(self, notice: Notice) -> tuple[str, bytes, dict[str, str]]:
        kind = f"application/x-www-form-urlencoded; charset={self._charset(notice)}"
        return notice.url, self.form_of(notice), {"Content-Type": kind, "Accept": "*/*"}


def _taken(answer: Resp) -> bool:
    return answer.status == 200 and answer.body == b"success"
