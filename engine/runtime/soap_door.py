"""The SOAP door: the orders of the JSON door (`engine/runtime/orders.py`) under a served WSDL, SOAP 1.1 and 1.2.

`GET …?wsdl` is the description. `POST` is signed by the same X- headers over the body; a client whose tools cannot set
headers may be allowed a UsernameToken instead (`soap_token: yes` of engine.yaml). Whatever is not a settlement is told
as a fault whose detail carries the stable code, both languages, whose side it is and what to do next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from engine.codecs import soap
from engine.codecs.errors import Undecodable
from engine.codecs.soap_schema import read_object, write_object
from engine.codecs.soap_security import token_of
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.auth import Client, Gate, Refusal
from engine.runtime.meters import Meters
from engine.runtime.orders import Caller, Orders
from engine.runtime.orders_back import SCOPES
from engine.runtime.replies import RETRY_AFTER, STATUS, not_this_method
from engine.runtime.routes import Route
from engine.runtime.soap_refusals import no_operation, not_understood, of_bytes, other_namespace
from engine.runtime.soap_service import NUMBER, SPACE, Deed, Service, problem_schema, service_of
from engine.runtime.told import (
    ERROR_WORDS,
    MISSING,
    NOT_ONE,
    UNKNOWN,
    WAIT,
    Told,
    not_allowed,
    stranger,
    wrong_fields,
)
from engine.runtime.told import error as told_error
from engine.site.site import Site
from engine.store.trail import use_nonce

Tree = Any
WAIT_MAX: Final = 60
_ALL: Final = frozenset[str]().union(*SCOPES.values())
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_CALLERS_MISTAKE: Final = frozenset({"malformed", "unsigned", "forbidden", "not_found", "conflict", "busy"})
_NS: Final[Any] = {None: SPACE}  # lxml's way of saying: without a prefix
_PROBLEM: Final = problem_schema()
_EITHER: Final = ("与 request_no 填一个", "give it or request_no")
_FAULTS: Final = ("busy", *ERROR_WORDS)


class SoapDoor:
    """Serves every `settle` channel that has a `soap` part."""

    def __init__(self, world: World, gate: Gate, orders: Orders, meters: Meters) -> None:
        self._world, self._gate, self._orders, self._meters = world, gate, orders, meters

    def routes(self, site: Site) -> dict[str, list[Route]]:
        """Listener → the routes of its services."""
        found: dict[str, list[Route]] = {}
        for channel in site.channels.values():
            if channel.soap is not None:
                service, path = service_of(site, channel), channel.soap.path
                found.setdefault(channel.soap.at, []).extend(
                    (Route("GET", path, _Page(service), "wsdl", 0), Route("POST", path, _Post(self, service), "soap"))
                )
        return found

    async def take(self, service: Service, request: HttpRequest) -> HttpReply:
        """One request: who asks, what, and the answer in the version it was asked in."""
        media = request.header("Content-Type")
        told_as = "1.2" if media.lower().startswith(soap.MEDIA["1.2"]) else "1.1"  # as long as nothing was read
        signed = request.header("X-Signature") != "" or not self._gate.takes_tokens
        caller = self._signed(request) if signed else None
        if isinstance(caller, Refusal):
            return self._refused(told_as, caller)
        try:
            opened = soap.open_envelope(request.body, media=media)
        except Undecodable as no:
            return self._unreadable(told_as, no)
        try:
            caller = caller or self._by_token(opened)
            if isinstance(caller, Refusal):
                return self._refused(opened.version, caller)
            strange = soap.not_understood(opened, () if signed else ("Security",))
            if strange:
                return _fault(opened.version, "MustUnderstand", of_bytes(not_understood(strange)))
            deed, order = _read(service, opened)
        except Undecodable as no:
            return _fault(opened.version, "client", of_bytes(no))
        told = await self._do(caller, service, deed, order)
        return _answer(opened.version, service, deed, told)

    # Who

    def _signed(self, request: HttpRequest) -> Caller | Refusal:
        client = self._gate.check(request, *_ALL)
        return client if isinstance(client, Refusal) else self._caller(client, request.header("X-Nonce"))

    def _by_token(self, opened: soap.Opened) -> Caller | Refusal:
        """The same by a UsernameToken, for clients that may."""
        token = token_of(opened)
        if token is None:
            return Refusal(401, "unsigned")
        client = self._gate.check_token(token)
        return client if isinstance(client, Refusal) else self._caller(client, token.nonce)

    def _caller(self, client: Client, nonce: str) -> Caller:
        return Caller(client, "soap", (use_nonce(client.id, nonce, self._world.now()),))

    # What

    async def _do(self, caller: Caller, service: Service, deed: Deed, order: dict[str, Tree]) -> Told:
        if deed.what == "start":
            return await self._orders.start(caller, service.channel, order)
        if deed.what == "show":
            return await self._show(caller, order)
        no = order.pop(NUMBER, "")
        if not isinstance(no, str) or not no:
            return wrong_fields([(NUMBER, *MISSING)])
        match deed.what:
            case "cancel":
                return await self._orders.cancel(caller, no, order)
            case "refund":
                return await self._orders.refund(caller, no, order)
            case event:
                return await self._orders.hear(caller, no, event, order)

    async def _show(self, caller: Caller, order: Mapping[str, Tree]) -> Told:
        unknown = sorted(set(order) - {NUMBER, "request_no", "wait"})
        wait, no, request_no = order.get("wait", 0), order.get(NUMBER, ""), order.get("request_no", "")
        if unknown:
            return wrong_fields([(name, *UNKNOWN) for name in unknown])
        if not isinstance(wait, int) or not 0 <= wait <= WAIT_MAX:
            return wrong_fields([WAIT])
        if not isinstance(no, str) or not isinstance(request_no, str) or not (no or request_no):
            return wrong_fields([(NUMBER, *_EITHER)])
        of = await self._orders.number_of(caller, request_no) if request_no else ""
        if no and of and no != of:
            return wrong_fields([("request_no", *NOT_ONE)])
        return await self._orders.show(caller, no or of, float(wait))

    # Refusals before anything was asked

    def _refused(self, version: str, refusal: Refusal) -> HttpReply:
        self._meters.refused("soap", refusal.why)
        match refusal.status:
            case 429:
                told = told_error("malformed", "E-RATE", retry_after=int(RETRY_AFTER[429]))
            case 403:
                told = not_allowed()
            case _:
                told = stranger()
        return _fault(version, "client", told)

    def _unreadable(self, version: str, no: Undecodable) -> HttpReply:
        self._meters.refused("soap", no.code)
        who = "VersionMismatch" if no.code == "soap-namespace" else "client"
        return _fault(version, who, of_bytes(no))


class _Post:
    """The handler of one service's POST."""

    def __init__(self, door: SoapDoor, service: Service) -> None:
        self._door, self._service = door, service

    async def __call__(self, request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        return await self._door.take(self._service, request)


class _Page:
    """The handler of one service's `GET ?wsdl`; it needs no signature, for it holds nothing secret."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        if request.query.lower() != "wsdl":
            return not_this_method(("POST",), "POST (?wsdl: GET)")
        host = request.header("Host")
        safe = host if _HOST.fullmatch(host) else "localhost"
        document = self._service.at(f"{'https' if request.secure else 'http'}://{safe}{request.path}")
        return HttpReply(200, (("Content-Type", "text/xml; charset=utf-8"), ("Cache-Control", "no-cache")), document)


def _read(service: Service, opened: soap.Opened) -> tuple[Deed, dict[str, Tree]]:
    name = etree.QName(opened.element)
    deed = service.deeds.get(name.localname)
    if deed is None:
        raise no_operation(name.localname, service.deeds)
    if name.namespace != SPACE:
        raise other_namespace(name.localname, SPACE)
    return deed, read_object(opened.element, deed.takes, SPACE)


def _answer(version: str, service: Service, deed: Deed, told: Told) -> HttpReply:
    if told.word in _FAULTS:
        return _fault(version, "client" if told.word in _CALLERS_MISTAKE else "server", told, service)
    response = etree.Element(f"{{{SPACE}}}{deed.name}Response", nsmap=_NS)
    write_object(etree.SubElement(response, f"{{{SPACE}}}settlement"), told.body, service.answer, SPACE)
    sent = soap.write_envelope(version, response)
    return HttpReply(200, (*sent.headers, ("Cache-Control", "no-store")), sent.body)


def _fault(version: str, who: str, told: Told, service: Service | None = None) -> HttpReply:
    """HTTP 500 as SOAP 1.1 wants it for every fault; 1.2 tells the caller's mistakes (400) from ours (500)."""
    reason = dict(told.body.get("reason", {}))
    about = {name: value for name, value in told.body.items() if name != "reason"}
    after = RETRY_AFTER.get(STATUS.get(told.word, 200))
    if after is not None:
        about["retry_after"] = int(after)
    detail = etree.Element(f"{{{SPACE}}}Problem", nsmap=_NS)
    write_object(detail, {**reason, **about}, _PROBLEM if service is None else service.problem, SPACE)
    text = " ".join(str(reason[part]) for part in ("code", "zh") if reason.get(part))
    sent = soap.write_fault(version, who, text, detail, en=str(reason.get("en", "")))
    status = 400 if version == "1.2" and who != "server" else 500
    return HttpReply(status, (*sent.headers, ("Cache-Control", "no-store")), sent.body)
