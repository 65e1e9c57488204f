"""The console's doors: who may come in, which page it is, and what it shows. A person's hand on messages is all that
changes anything, and goes through the node's own hands (message_hands.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from engine.config.engine_parts import ROLES
from engine.config.secret import SecretMissing, resolve_secret
from engine.console.access import Guesses, Logins, Visitor, at_this_machine, cookies_of, foreign_form
from engine.console.asked import Asked, NoSuchPage
from engine.console.books_page import XLSX, Refused, days_of, file_name, page_values, workbook
from engine.console.browser import LOGIN_COOKIE, ROOT, inside, language_of, login_of, other_language
from engine.console.comparing import CannotStart, Comparisons
from engine.console.folder import FolderOnDisk
from engine.console.form_data import BadForm, Form, fields_of, form_with_files, has_files
from engine.console.message_hands import BUTTONS, EDIT_MAX, MESSAGES, MessageHands, Pressed
from engine.console.messages_page import person_query
from engine.console.next_words import body_command
from engine.console.node import Node
from engine.console.pages import PAGE_TABLE
from engine.console.passwords import NOBODY, password_fits
from engine.console.rehearsing import CannotStart as CannotRehearse
from engine.console.rehearsing import Rehearsals
from engine.console.render import GUARDS, Pages, moved
from engine.console.roles import BY_HAND, roles_of
from engine.console.tables_page import CSV, FILES_MAX, empty_table, room
from engine.console.tickets import BadTicket, Press
from engine.console.versions import Versions
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.runtime.books_csv import BadLedgers
from engine.runtime.deliver import index_of
from engine.runtime.logs import Log, trouble_of
from engine.runtime.routes import Route
from engine.runtime.threads import on_a_thread
from engine.store.contract import Store

BOOKS = f"{ROOT}books"
CONFIG = f"{ROOT}config"
FORM_MAX = 4096  # bytes of a login form
CHECKS_MAX = 4  # passwords checked at the same time: each costs a tenth of a second and 32 MiB
Parts = Mapping[str, str]


class Console:
    """All pages under /console/."""

    def __init__(self, world: World, store: Store, node: Node, log: Log) -> None:
        self._world, self._store, self._node, self._log = world, store, node, log
        self._pages, self._versions = Pages(), Versions(node.site)
        self._folder = FolderOnDisk(world, store, node.root)
        self.comparisons = Comparisons(world, store, node, log)
        self._rehearsals = Rehearsals(world, node.root, log)
        self._hands = MessageHands(world, node, log)
        self._logins = Logins(world.wall, world.token)
        self._guesses = Guesses(world.wall)
        self._checking = 0

    def stop(self) -> None:
        """The engine leaves: what was begun here ends now."""
        self.comparisons.stop()
        self._rehearsals.stop()
        self._folder.stop()

    # Who is there

    def _users(self) -> Mapping[str, Any]:
        console = self._node.site().engine.console
        return {} if console is None else console.users

    def visitor(self, request: HttpRequest) -> Visitor | None:
        """Who asks; None for nobody we know."""
        users = self._users()
        if not users:
            return Visitor("", ROLES) if self._open_to(request) else None
        name = self._logins.user(cookies_of(request).get(LOGIN_COOKIE, ""))
        user = users.get(name) if name is not None else None
        return None if user is None or name is None else Visitor(name, tuple(user.roles))

    def _open_to(self, request: HttpRequest) -> bool:
        return self._node.site().engine.profile in ("demo", "test") and at_this_machine(request)

    # Doors

    def static(self, request: HttpRequest, parts: Parts) -> HttpReply:
        return self._pages.file(parts["rest"]) or self._message(request, 404, "missing")

    def login_form(self, request: HttpRequest, parts: Parts) -> HttpReply:
        if not self._users():
            return moved(ROOT) if self._open_to(request) else self._message(request, 403, "closed")
        return self._form(request, 200, "")

    async def login(self, request: HttpRequest, parts: Parts) -> HttpReply:
        """Check a password, beside the reactor; unknown users take as long as known ones."""
        if foreign_form(request):
            return self._message(request, 403, "foreign")
        if not self._users():
            return self._message(request, 403, "closed")
        form = fields_of(request.body)
        name, password = form.get("user", "")[:64], form.get("password", "")
        wait = self._guesses.wait(request.peer, name)
        if wait > 0:
            return self._form(request, 429, "wait", wait)
        if self._checking >= CHECKS_MAX:
            return self._form(request, 503, "busy")
        self._guesses.wrong(request.peer, name)  # counted first: many at once are many tries
        fits = await self._fits(name, password)
        if not fits:
            self._log.warning("console_login_failed", peer=request.peer)
            return self._form(request, 401, "wrong")
        self._guesses.right(request.peer, name)
        self._log.info("console_login", user=name, peer=request.peer)
        token = self._logins.begin(name)
        secure = "; Secure" if request.secure else ""
        cookie = f"{LOGIN_COOKIE}={token}; Path={ROOT}; HttpOnly; SameSite=Strict{secure}"
        return moved(inside(form.get("next", "")), (("Set-Cookie", cookie),))

    async def _fits(self, name: str, password: str) -> bool:
        user = self._users().get(name)
        line = NOBODY
        if user is not None:
            try:
                line = resolve_secret(user.password, self._node.root).decode("ascii", "replace")
            except SecretMissing as no:
                self._log.error("console_password_missing", user=name, why=str(no))
                user = None
        self._checking += 1
        try:
            fits = await on_a_thread(self._world, lambda: password_fits(password, line))
        finally:
            self._checking -= 1
        return fits and user is not None

    def logout(self, request: HttpRequest, parts: Parts) -> HttpReply:
        if foreign_form(request):
            return self._message(request, 403, "foreign")
        self._logins.end(cookies_of(request).get(LOGIN_COOKIE, ""))
        gone = f"{LOGIN_COOKIE}=; Path={ROOT}; HttpOnly; SameSite=Strict; Max-Age=0"
        return moved(ROOT + "login", (("Set-Cookie", gone),))

    def page(self, name: str) -> Callable[[HttpRequest, Parts], Awaitable[HttpReply] | HttpReply]:
        """The handler of one page: first who asks and whether it is for them, then what."""

        def handler(request: HttpRequest, parts: Parts) -> Awaitable[HttpReply] | HttpReply:
            visitor = self._let_in(name, request)
            return visitor if isinstance(visitor, HttpReply) else self._shown(name, request, parts, visitor)

        return handler

    def _let_in(self, name: str, request: HttpRequest, back: str = "") -> Visitor | HttpReply:
        """Who may see this page, or else what they are told. `back`: where to go on after a login, if not here."""
        visitor = self.visitor(request)
        if visitor is None:
            if not self._users():
                return self._message(request, 403, "closed")
            return moved(f"{ROOT}login?next={quote(back or request.target, safe='')}")
        return visitor if visitor.may(name) else self._not_for(visitor, request, name)

    def find_person(self, request: HttpRequest, parts: Parts) -> HttpReply:
        """Messages of a patient or visit: on to a list whose address holds a keyed hash instead of the number."""
        if foreign_form(request):
            return self._message(request, 403, "foreign")
        visitor = self._let_in("messages", request, MESSAGES)
        if isinstance(visitor, HttpReply):
            return visitor
        sealer = self._store.sealer
        query = person_query(fields_of(request.body), lambda kind, number: index_of(sealer, kind, number))
        return moved(f"{MESSAGES}?{query}" if query else MESSAGES)

    # The books

    async def compare(self, request: HttpRequest, parts: Parts) -> HttpReply:
        """Begin a comparison, with the tables that were handed in; its page then shows how far it is."""
        if foreign_form(request):
            return self._message(request, 403, "foreign")
        visitor = self._let_in("books", request, BOOKS)
        if isinstance(visitor, HttpReply):
            return visitor
        form = Form()
        try:
            form = await self._form_of(request)
            days = days_of(form.fields)
            if days is None:
                raise CannotStart("day")
            tables = await self.comparisons.tables_of(days, form.files)
            return moved(f"{BOOKS}?of={self.comparisons.begin(visitor.name, days, tables).id}")
        except (CannotStart, BadForm) as no:
            refused = Refused(str(no))
        except BadLedgers as no:
            refused = Refused("tables", no.mistakes)
            self._log.info("console_tables_refused", user=visitor.name, mistakes=len(no.mistakes))
        status = {"busy": 409, "stopping": 503, "large": 413}.get(refused.problem, 400)
        kept = {name: form.fields.get(name, "")[:32] for name in ("first", "last", "by")} if form.fields else None
        language, cookies = language_of(request)
        asked = self._asked(request, parts, language)
        values = {**self._frame(visitor, request, BOOKS), **page_values(asked, refused, kept)}
        return self._pages.page("books", language, values, status, cookies)

    async def _form_of(self, request: HttpRequest) -> Form:
        """The form; one with files is read beside the reactor. Errors: BadForm."""
        kind, body = request.header("Content-Type"), request.body
        if len(body) > (room(self._node.site()) if has_files(kind) else FORM_MAX):
            raise BadForm("large")
        if not has_files(kind):
            return Form(fields_of(body))
        return await on_a_thread(self._world, lambda: form_with_files(kind, body, FILES_MAX))

    def empty_table(self, request: HttpRequest, parts: Parts) -> HttpReply:
        """A party's table without rows, for its people to fill."""
        visitor = self._let_in("tables", request, BOOKS)
        if isinstance(visitor, HttpReply):
            return visitor
        made = empty_table(self._node.site(), parts["party"], language_of(request)[0])
        if made is None:
            return self._message(request, 404, "missing")
        named = ("Content-Disposition", f'attachment; filename="{parts["party"]}.csv"')
        return HttpReply(200, (("Content-Type", CSV), named, *GUARDS), made)

    async def workbook(self, request: HttpRequest, parts: Parts) -> HttpReply:
        """A result as a workbook, made beside the reactor."""
        visitor = self._let_in("books", request, BOOKS)
        if isinstance(visitor, HttpReply):
            return visitor
        one = self.comparisons.get(parts["id"])
        if one is None or one.found is None:
            return self._message(request, 404, "missing")
        made = await on_a_thread(self._world, lambda: workbook(one))
        self._log.info("console_books_taken", user=visitor.name, first=one.of.first, last=one.of.last)
        named = ("Content-Disposition", f'attachment; filename="{file_name(one)}"')
        return HttpReply(200, (("Content-Type", XLSX), named, *GUARDS), made)

    # A person's hand on messages

    def hand(self, did: str) -> Callable[[HttpRequest, Parts], Awaitable[HttpReply]]:
        """The handler of one button; what became of it stands on the page it leads to."""

        async def handler(request: HttpRequest, parts: Parts) -> HttpReply:
            visitor = self._actor(request)
            if isinstance(visitor, HttpReply):
                return visitor
            pressed = Pressed(visitor.name, login_of(request), fields_of(request.body), parts)
            try:
                if did == "read":
                    return self._edit_page(request, visitor, pressed, await self._hands.take_out(pressed))
                press = await self._hands.press(did, pressed)
            except BadTicket:
                return self._message(request, 403, "stale")
            if press.code and "body" in pressed.form:  # what was typed is not lost
                return self._edit_page(request, visitor, pressed, press)
            return moved(press.where)

        return handler

    def _actor(self, request: HttpRequest) -> Visitor | HttpReply:
        """Who presses a button, if they may."""
        if foreign_form(request):
            return self._message(request, 403, "foreign")
        return self._let_in(BY_HAND, request, MESSAGES)

    def _edit_page(self, request: HttpRequest, visitor: Visitor, pressed: Pressed, press: Press) -> HttpReply:
        """A message's text to be edited, or why it cannot be; what a person typed stands there again."""
        language, cookies = language_of(request)
        no = pressed.parts["no"]
        text = pressed.form.get("body")
        if text is None:
            text = str((press.result or {}).get("body", "")).replace("\r", "\n")
        values = {
            **self._frame(visitor, request, f"{MESSAGES}/{no}"), "no": no, "seen": pressed.text("seen"), "text": text,
            "long": len(text) > EDIT_MAX, "most": EDIT_MAX, "done": press if press.code else None,
            "reason": pressed.text("reason"), "dest": pressed.text("dest")[:64], "typed": body_command(no),
            "refresh": 0,
        }  # fmt: skip
        return self._pages.page("edit_message", language, values, 409 if press.code else 200, cookies)

    # The conversations

    async def rehearse(self, request: HttpRequest, parts: Parts) -> HttpReply:
        """Begin to play the conversations of the folder; its page then shows how far they are."""
        if foreign_form(request):
            return self._message(request, 403, "foreign")
        visitor = self._let_in("config", request, CONFIG)
        if isinstance(visitor, HttpReply):
            return visitor
        try:
            self._rehearsals.begin(visitor.name)
        except CannotRehearse as no:
            language, cookies = language_of(request)
            values = await PAGE_TABLE["config"](self._asked(request, parts, language))
            values = {**self._frame(visitor, request, CONFIG), **values, "problem": str(no)}
            return self._pages.page("config", language, values, 409 if str(no) == "busy" else 503, cookies)
        return moved(f"{CONFIG}#tests")

    def missing(self, request: HttpRequest, parts: Parts) -> HttpReply:
        return self._message(request, 404, "missing")

    async def _shown(self, name: str, request: HttpRequest, parts: Parts, visitor: Visitor) -> HttpReply:
        language, cookies = language_of(request)
        asked = self._asked(request, parts, language)
        try:
            values = await PAGE_TABLE[name](asked)
        except NoSuchPage:
            return self._message(request, 404, "missing")
        except Exception as problem:  # noqa: BLE001 a page that fails must not look like an engine that fails
            self._log.error("console_page_failed", page=name, why=trouble_of(problem))
            return self._message(request, 500, "failed")
        if name == "call":
            self._log.info("console_bytes_seen", user=visitor.name, call=parts["id"])
        if name == "one_message":
            self._log.info("console_bytes_seen", user=visitor.name, message=parts["no"])
        return self._pages.page(name, language, {**self._frame(visitor, request), **values}, cookies=cookies)

    def _asked(self, request: HttpRequest, parts: Parts, language: str) -> Asked:
        return Asked(
            self._world.now(), language, fields_of(request.query.encode()), parts, self._node, self._store,
            self._versions, self._folder, self.comparisons, self._rehearsals,
        )  # fmt: skip

    def _frame(self, visitor: Visitor, request: HttpRequest, path: str = "") -> dict[str, Any]:
        """What the head of every page shows. `path`: the page's address, if it is not the request's."""
        login, tickets = login_of(request), self._hands.tickets
        return {
            "visitor": visitor, "now": self._world.now(), "here": other_language(request, path), "node": self._node,
            "has_hands": self._hands.there and visitor.may(BY_HAND), "ticket": lambda what: tickets.issue(login, what),
            "done": tickets.told(fields_of(request.query.encode()).get("done", ""), login),
        }  # fmt: skip

    # Plain pages

    def _form(self, request: HttpRequest, status: int, problem: str, seconds: float = 0.0) -> HttpReply:
        language, cookies = language_of(request)
        following = fields_of(request.query.encode()).get("next", "") or fields_of(request.body).get("next", "")
        values = {
            "problem": problem, "seconds": int(seconds) + 1, "next": inside(following), "visitor": None,
            "here": other_language(request, ROOT + "login"),
        }  # fmt: skip
        return self._pages.page("login", language, values, status, cookies)

    def _message(self, request: HttpRequest, status: int, what: str) -> HttpReply:
        language, cookies = language_of(request)
        return self._pages.page("message", language, {"what": what, "visitor": None, "here": ""}, status, cookies)

    def _not_for(self, visitor: Visitor, request: HttpRequest, page: str) -> HttpReply:
        """The page is not for the roles of who asks: whose it is, and the pages that are theirs."""
        self._log.info("console_page_refused", user=visitor.name, page=page)
        language, cookies = language_of(request)
        back = "" if request.method == "GET" else ROOT
        values = {**self._frame(visitor, request, back), "what": "role", "open_to": roles_of(page)}
        return self._pages.page("message", language, values, 403, cookies)


def routes(console: Console) -> list[Route]:
    """Every door of the console, to be opened on the listener `console.at` of engine.yaml."""
    table = {
        "": "overview", "settlements": "settlements", "settlements/{no}": "settlement", "tasks": "tasks",
        "messages": "messages", "messages/{no}": "one_message",
        "messages/replay": "replay", "calls": "calls", "calls/{id}": "call",
        "channels": "channels", "channels/{name}": "channel",
        "routes": "routes", "config": "config", "history": "history", "history/{seq}": "turn", "codes": "codes",
        "explain": "explain", "help/states": "states", "books": "books", "books/tables": "tables",
    }  # fmt: skip
    found = [Route("GET", ROOT + path, console.page(name), f"console_{name}", 0) for path, name in table.items()]
    return [
        *found,
        Route("GET", ROOT + "login", console.login_form, "console_login", 0),
        Route("POST", ROOT + "login", console.login, "console_login", FORM_MAX),
        Route("POST", ROOT + "logout", console.logout, "console_logout", FORM_MAX),
        Route("POST", BOOKS, console.compare, "console_books"),  # with tables: as much as the listener takes
        Route("GET", BOOKS + "/tables/{party}.csv", console.empty_table, "console_tables", 0),
        Route("POST", MESSAGES, console.find_person, "console_messages", FORM_MAX),
        *(
            Route("POST", MESSAGES + path, console.hand(did), "console_hand", most)
            for path, (did, most) in BUTTONS.items()
        ),
        Route("GET", BOOKS + "/{id}/workbook", console.workbook, "console_books", 0),
        Route("POST", CONFIG + "/tests", console.rehearse, "console_config", FORM_MAX),
        Route("GET", ROOT + "static/*", console.static, "console_static", 0),
        Route("GET", "/console", lambda request, parts: moved(ROOT), "console_overview", 0),
        Route("GET", ROOT + "*", console.missing, "console_missing", 0),
    ]
