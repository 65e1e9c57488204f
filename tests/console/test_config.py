"""The interface admin's pages: the folder beside what is in force, a turn of the history, explanations."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from engine.cli.explain import explain
from engine.cli.lint import lint
from engine.console import folder as reading
from engine.runtime.aside import Aside
from engine.site.files import read_files, texts_of
from engine.site.load import load
from engine.site.site import Site
from engine.store.contract import Unit
from engine.store.site_versions import Turn, take_turn

from .conftest import Browser, Night, at_once
from .stage import ROOT, START, result
from .test_pages import words


class Desk:
    """A folder, the node that runs it, and a browser before its console."""

    def __init__(self, night: Night, root: Path) -> None:
        self.night, self.root = night, root
        root.mkdir()
        shutil.copy(ROOT / "engine.yaml", root)
        for name in ("channels", "mappings", "schemas"):
            shutil.copytree(ROOT / name, root / name)
        self.turns: list[Turn] = []
        self.take("start", "engine", "")
        self.browser: Browser = night.browser(night.site(), root=root)

    def take(self, kind: str, by: str, reason: str) -> None:
        """What lies there is in force from now on."""
        made = load(read_files(self.root))
        assert isinstance(made, Site), made
        seq, base = len(self.turns) + 1, self.turns[-1].version if self.turns else ""
        turn = Turn(seq, made.version, made.content_hash, base, kind, by, reason, START + seq)
        writes = take_turn(turn, texts_of(made.source), texts_of(made.files))
        result(self.night.stage.store.submit(Unit("turn", writes)))
        (self.root / ".engine-base").write_text(made.version)
        self.turns.append(turn)

    def change(self, path: str, how: Callable[[str], str]) -> None:
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert how(text) != text
        file.write_text(how(text), encoding="utf-8")

    def page(self, language: str = "en") -> str:
        return self.browser.text(f"/console/config?lang={language}")


@pytest.fixture
def desk(hall: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(Aside, "run", at_once)
    return Desk(hall, tmp_path / "node")


def typed(page: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'<p class="typed"><code>(.*?)</code>', page)]


def test_a_folder_that_is_in_force_has_nothing_to_take(desk: Desk) -> None:
    page, count = desk.page(), len(read_files(desk.root))
    assert "Nothing would change" in page
    assert f"{count} files, read at" in page
    assert typed(page) == []
    assert "没有改动" in desk.page("zh")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_mistakes_stand_at_their_places_in_the_words_of_lint(
    desk: Desk, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.change("channels/outpatient_bills.yaml", lambda text: text.replace("title:", "titel:", 1))
    page = desk.page(language)
    lint(desk.root, lang=language)
    said = capsys.readouterr().out
    heads = re.findall(r"(?m)^(\S+:\d+:\d+)  ([EW]\d+)  (.+?)(?:[；;] ?(?:是否应为|did you mean).*)?$", said)
    assert heads
    for place, code, text in heads:
        assert f"{place} {code} {text}" in words(page)
        assert f'href="/console/explain?what={code}"' in page
    assert "<mark>titel</mark>" in page
    assert re.search(r"(?:是否应为|did you mean)</span> <code>title</code>", page)
    assert ("有错误，不会启用" if language == "zh" else "would not be taken") in page
    assert typed(page) == [], "what has mistakes is not to be taken"


def test_a_changed_table_is_shown_with_the_command_to_take_it(desk: Desk) -> None:
    path = sorted((desk.root / "mappings/tables").glob("*.csv"))[0]
    name = path.relative_to(desk.root).as_posix()
    rows = path.read_text(encoding="utf-8").splitlines()
    desk.change(name, lambda text: text.replace(rows[-1] + "\n", ""))
    page = desk.page()
    assert "It would be taken" in page
    assert rows[-1].split(",")[0] in words(page)
    assert re.search(r"changed code table (\w+)", words(page)) is not None
    assert typed(page)[0] == 'engine apply --by … --reason "…"'
    desk.take("apply", "甲", "one row less")
    assert "Nothing would change" in desk.page(), "what was kept is not shown for another version"


def test_a_folder_that_does_not_say_its_base_gets_the_base_in_the_command(desk: Desk) -> None:
    (desk.root / ".engine-base").unlink()
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# changed\n{text}")
    page = desk.page()
    assert typed(page)[0] == f'engine apply --base {desk.turns[0].version[:12]} --by … --reason "…"'
    assert "does not say which version" in page


def test_somebody_else_was_faster(desk: Desk) -> None:
    mine = (desk.root / ".engine-base").read_text()
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# theirs\n{text}")
    desk.take("apply", "乙", "their reason")
    (desk.root / ".engine-base").write_text(mine)
    desk.change("channels/outpatient_bills.yaml", lambda text: text.replace("# theirs", "# mine"))
    page = desk.page()
    assert "E-SITE-MOVED" in page
    assert "their reason" in page
    assert typed(page)[:2] == ["engine pull", f'engine apply --base {desk.turns[1].version[:12]} --by … --reason "…"']


def test_a_base_that_was_never_in_force_here_is_compared_not_fetched(desk: Desk) -> None:
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# mine\n{text}")
    (desk.root / ".engine-base").write_text("ab" * 32)
    page = desk.page()
    assert "abababababab, which this was made from, was never in force here" in page
    apply = f'engine apply --base {desk.turns[0].version[:12]} --by … --reason "…"'
    assert typed(page)[:2] == ["engine diff active .", apply]


def test_what_needs_a_new_start_says_so(desk: Desk) -> None:
    desk.change("engine.yaml", lambda text: re.sub(r"(?m)^store:.*$", "store: sqlite:var/other.db", text))
    page = desk.page()
    assert "E-SITE-RESTART" in page
    assert typed(page)[0] == "engine run --folder"


SECRET = "hunter2-In-Clear"


@pytest.mark.parametrize(
    "line",
    [
        f"    api_v3_key: {SECRET}",
        f"    password: {SECRET}",
        f"    pasword: {SECRET}",
        f"    pasword: {{kept: {SECRET}, here: '{SECRET}'}}",
        f"    private_key: |\n      -----BEGIN PRIVATE KEY-----\n      {SECRET}\n      -----END PRIVATE KEY-----",
        f"    secret: {SECRET}\n  broken: [",
    ],
)
def test_a_secret_in_clear_is_on_no_page(desk: Desk, line: str) -> None:
    desk.change("engine.yaml", lambda text: re.sub(r"(?m)^  wechat:.*$", rf"\g<0>\n{line}", text, count=1))
    for language in ("zh", "en"):
        page = desk.page(language)
        assert SECRET not in page
        assert "engine.yaml:" in page


def test_the_line_of_a_secret_in_clear_is_shown_with_the_secret_masked(desk: Desk) -> None:
    line = f"    api_v3_key: {SECRET}"
    desk.change("engine.yaml", lambda text: re.sub(r"(?m)^    api_v3_key:.*$", line, text))
    assert f'    api_v3_key: <mark>{"*" * len(SECRET)}</mark></code>' in desk.page()


def test_a_key_of_the_node_in_clear_is_on_no_page(desk: Desk) -> None:
    desk.change("engine.yaml", lambda text: re.sub(r"file:var/keys/(store|index)\.key", SECRET, text))
    page = desk.page()
    assert "E208" in page
    assert SECRET not in page
    assert "••••" in page, "that it differs is shown"


def test_a_file_that_cannot_be_read_is_named(desk: Desk) -> None:
    (desk.root / "channels/broken.yaml").symlink_to("/proc/self/mem")
    page = desk.page()
    assert "cannot be read" in page
    assert "Input/output error" in page


def test_bytes_that_are_no_text_are_a_problem_at_their_place(desk: Desk) -> None:
    (desk.root / "channels/other.yaml").write_bytes("channel: 其他\n".encode("gbk"))
    page = desk.page()
    assert "channels/other.yaml:1" in page
    assert re.search(r"explain\?what=E1\d\d", page)


def test_thousands_of_problems_are_counted_and_not_all_shown(desk: Desk) -> None:
    more = "".join(f"unknown_{n}: x\n" for n in range(3000))
    desk.change("channels/outpatient_bills.yaml", lambda text: text + more)
    page = desk.page()
    assert page.count('<li class="problem">') == 200
    found = re.search(r"(\d+) errors", page)
    assert found is not None
    assert int(found[1]) >= 3000
    assert f"{int(found[1]) - 200} more are not listed" in page or "more are not listed" in page
    assert len(page) < 400_000


def test_a_large_difference_is_bounded(desk: Desk) -> None:
    rows = "".join(f"# a line {n}\n" for n in range(20_000))
    desk.change("channels/outpatient_bills.yaml", lambda text: text + rows)
    page = desk.page()
    assert "19900 more rows are not listed" in page
    assert len(page) < 400_000


def test_a_folder_too_large_for_a_page_is_left_to_the_command_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BYTES_MAX", 1000)
    assert "too large for a page" in desk.page()


def test_the_folder_is_compiled_once_as_long_as_it_is_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[Any] = []
    monkeypatch.setattr(Aside, "run", lambda *args: times.append(args) or at_once(*args))
    desk.page()
    desk.page("zh")
    assert len(times) == 1
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# changed\n{text}")
    assert "outpatient_bills" in desk.page()
    assert len(times) == 2


def test_a_page_does_not_wait_for_a_slow_reading_and_nobody_reads_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a thread that is held up, two ask: both are told, and the work was begun once."""
    world, held = desk.night.stage.world, []
    monkeypatch.setattr(world, "in_thread", lambda work, *args: held.append((work, args)))
    folder = reading.FolderOnDisk(world, desk.night.stage.store, desk.root)
    one, two = folder.judged(), folder.judged()
    desk.night.stage.clock.advance(reading.WAIT + 0.1)
    assert result(one) is None
    assert result(two) is None
    assert len(held) == 1
    last = folder.judged()
    while held:
        work, args = held.pop()
        work(*args)
    assert result(last).errors == 0


def test_a_turn_shows_what_it_changed_and_how_to_go_back(desk: Desk) -> None:
    desk.change("channels/outpatient_bills.yaml", lambda text: f"# second\n{text}")
    desk.take("apply", "甲", "a remark")
    history = desk.browser.text("/console/history")
    assert re.findall(r'href="(/console/history/\d+)"', history) == ["/console/history/2", "/console/history/1"]
    second, first = (desk.browser.text(f"/console/history/{n}?lang=en") for n in (2, 1))
    assert "+ # second" in second
    assert "a remark" in second
    assert typed(second) == []
    assert "version in force" in second
    assert typed(first) == ['engine rollback 1 --by … --reason "…"']
    assert "first version" in first
    for seq in ("3", "0", "x", "9" * 30):
        assert desk.browser.get(f"/console/history/{seq}").status == 404


def test_a_turn_whose_files_are_gone_says_so(hall: Night) -> None:
    for seq in (1, 2):
        turn = Turn(seq, f"v{seq}", f"c{seq}", "", "apply", "甲", "", START + seq)
        write = take_turn(turn, {"engine.yaml": str(seq)}, {})
        result(hall.stage.store.submit(Unit("turn", write[:1])))
    assert "are gone" in hall.browser(hall.site()).text("/console/history/2?lang=en")


@pytest.mark.parametrize("what", ["E402", "E-UNMAPPED", "filters", "wechat", "wechat.fee_bp", "listener", "his.lock"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_explanations_are_those_of_the_command(
    night: Night, what: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = night.browser(night.site()).text(f"/console/explain?what={what}&lang={language}")
    explain(ROOT, what, language)
    shown = re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)
    assert shown is not None
    assert unescape(shown[1]).strip() == capsys.readouterr().out.strip()


def test_a_word_that_cannot_be_explained_leads_to_the_nearest(open_browser: Browser) -> None:
    page = open_browser.text("/console/explain?what=listner&lang=en")
    assert '<a href="/console/explain?what=listener">' in page
    assert "&lt;b&gt;" in open_browser.text("/console/explain?what=%3Cb%3E")
    assert open_browser.get("/console/explain?what=" + "x" * 2000).status == 200


def test_codes_on_other_pages_lead_to_their_explanation(open_browser: Browser, night: Night) -> None:
    page = open_browser.text(f"/console/settlements/{night.no['manual']}")
    hrefs = set(re.findall(r'href="(/console/explain\?what=[^"]+)"', page))
    assert hrefs
    for href in hrefs:
        assert "<pre>" in open_browser.text(unescape(href)), href
