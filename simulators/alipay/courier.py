"""Notifications: a signed form, posted again by the platform's schedule until the answer is exactly `success`.

Faults are taken here, by the operations `paid`, `refunded`, `auth` (or `callback` for all), and, for the callback
faults, also by the operation of the order (`precreate`, `pay`, `refund` …).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from simulators.alipay.trade import yuan
from simulators.base.faults import Fault
from simulators.base.outbound import NoAnswer, post
from simulators.base.wire import Resp

if TYPE_CHECKING:
    from simulators.alipay.party import AlipaySim

# Seconds between one try and the next: 8 notifications in 24 h 22 min.
RETRY = (240, 600, 600, 3600, 7200, 21600, 54000)
PATIENCE = 5.0  # reactor seconds the receiver has
WHEN_FAULTS = ("callback_never", "callback_late", "callback_twice", "callback_new_id")
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
    tries: int = 0
    spoil: tuple[str, ...] = field(default=())


class Courier:
    """Delivers notices; `delivered` counts the accepted ones, `given_up` the others."""

    def __init__(self, party: AlipaySim) -> None:
        self.party = party
        self.delivered = 0
        self.given_up = 0
        self.last: dict[str, Notice] = {}  # by the seller's number, for the act callback_again

    def tell(self, notice: Notice) -> None:
        """Start delivering, as the faults in force want it; nothing when there is no address."""
        if not notice.url:
            return
        self._prepare(notice)
        when = self._taken(notice, WHEN_FAULTS, with_origin=True)
        kind = when.fault if when else ""
        if kind == "callback_never":
            return
        wait = when.seconds if when and kind == "callback_late" else self.party.settings.callback_delay
        self.party.later(wait, self._send, notice)
        if kind in ("callback_twice", "callback_new_id"):
            self.party.later(wait + 1.0, self._send, self._copy(notice, new_id=kind == "callback_new_id"))

    def tell_now(self, notice: Notice) -> Deferred[None]:
        """Deliver at once; fires after the first try, whatever came of it."""
        self._prepare(notice)
        return self._send(notice)

    def again(self, no: str) -> None:
        """Deliver the last notice of this number once more, with the same id."""
        self.party.later(0.0, self._send, self._copy(self.last[no]))

    def _prepare(self, notice: Notice) -> None:
        notice.id = self._new_id()
        what = self._taken(notice, WHAT_FAULTS, with_origin=False)
        notice.spoil = (what.fault,) if what else ()
        number = notice.match.get("refund_no") or notice.match.get("no")
        if number:
            self.last[number] = notice

    def _taken(self, notice: Notice, kinds: tuple[str, ...], *, with_origin: bool) -> Fault | None:
        ops = [notice.op, "callback"] + ([notice.origin] if with_origin and notice.origin else [])
        for op in ops:
            if fault := self.party.faults.take(op, kinds, lambda: notice.match):
                return fault
        return None

    def _new_id(self) -> str:
        return f"{self.party.world.stamp('%Y%m%d')}00222{self.party.world.rng.getrandbits(64):020d}"

    def _copy(self, notice: Notice, *, new_id: bool = False) -> Notice:
        return replace(notice, tries=0, spoil=(), id=self._new_id() if new_id else notice.id)

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

    def _send(self, notice: Notice) -> Deferred[None]:
        charset = self._charset(notice)
        headers = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}", "Accept": "*/*"}
        life = self.party.life
        try:
            form, match = self.form_of(notice), notice.match
            answer = post(self.party, notice.op, notice.url, form, headers, wait=PATIENCE, match=match)
        except ValueError:
            self.given_up += 1
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        return answer.addBoth(self._judge, notice, life)

    def _judge(self, result: Resp | Failure, notice: Notice, life: int) -> None:
        if isinstance(result, Failure):
            if not result.check(NoAnswer):  # type: ignore[no-untyped-call]  # Twisted left it untyped
                result.raiseException()
        elif result.status == 200 and result.body == b"success":
            self.delivered += 1
            return
        if life != self.party.life:
            return
        if notice.tries < len(RETRY):
            wait = RETRY[notice.tries]
            notice.tries += 1
            self.party.later(wait, self._send, notice)
        else:
            self.given_up += 1
