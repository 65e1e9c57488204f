"""What the commands of the configuration say to whoever cannot go on: who was faster, what to type, and nothing that
would take another's change back unseen."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from engine.store.site_versions import Turn, in_flight_of
from tests.cli.shell import here, new_site
from tests.lifecycle.test_process import BILLS, SAYS, Ward

TABLE = "mappings/tables/his_item.csv"


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    whole = Ward(tmp_path_factory.mktemp("told"))
    whole.start()
    yield whole
    whole.close()


@pytest.fixture
def late(ward: Ward, tmp_path: Path) -> Path:
    """A folder whose base another has left behind: both changed the same table."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        assert ward.do("pull", str(folder)).returncode == 0
    turns = len(ward.history())
    _row(one, f"X{turns}")
    _row(other, f"Y{turns}")
    taken = ward.do("apply", "--from", str(one), "--by", "测试甲", "--reason", "甲的一行")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    return other


def _row(folder: Path, code: str) -> None:
    path = folder / TABLE
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, code + lines[1][lines[1].index(",") :]]) + "\n")


def _typed(said: subprocess.CompletedProcess[str], word: str) -> list[str]:
    """The command of this name that is shown, as a shell would split it."""
    found = [text.strip() for text in said.stdout.splitlines() if text.strip().startswith(f"engine {word}")]
    assert len(found) == 1, said.stdout
    return shlex.split(found[0])[1:]


def test_the_second_of_two_is_told_who_and_what_to_type(ward: Ward, late: Path) -> None:
    said = ward.do("apply", "--from", str(late), "--by", "测试乙", "--reason", "乙的一行")
    assert said.returncode == 1
    assert "测试甲  甲的一行" in said.stdout
    assert "E-SITE-MOVED" in said.stderr
    pull = _typed(said, "pull")
    assert here(*pull).returncode == 1, "both changed the table"
    assert "\nY" in (late / TABLE).read_text(), "nothing was written"


def test_what_a_refusal_says_to_type_takes_that_folder_not_another(ward: Ward, late: Path) -> None:
    """The command was shown without its folder: typed, it took the node's own old files and lost the other's change."""
    both = ward.do("pull", str(late))
    assert both.returncode == 1
    typed = _typed(both, "apply")
    assert here(*_typed(both, "diff")).returncode == 1, "there is something to see"
    newest = ward.history()[0]["version"]
    (late / TABLE).write_text((late / TABLE).read_text() + "Z9,003105100010000,201,05,并入,,\n")
    typed[typed.index("--by") + 1], typed[typed.index("--reason") + 1] = "测试乙", "并入"
    taken = here(*typed)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    turn = ward.history()[0]
    assert (turn["by"], turn["base"]) == ("测试乙", newest)
    assert "Z9," in ward.do("diff", newest, "active").stdout


def test_a_refusal_before_the_engine_was_asked_names_its_code_as_json(ward: Ward, late: Path) -> None:
    said = ward.do("apply", "--from", str(late), "--json", *SAYS)
    tree = json.loads(said.stdout)
    assert (said.returncode, tree["applied"], tree["reason"]["code"]) == (1, False, "E-SITE-MOVED")
    assert tree["moved_by"][-1]["reason"] == "甲的一行"
    ward.edit(BILLS, "send: his_bills_query", "send: his_bils_query", late)
    assert json.loads(ward.do("plan", "--from", str(late), "--json").stdout)["reason"]["code"] == "E-SITE-WRONG"


def test_files_as_in_force_are_no_conflict_whatever_they_were_made_from(ward: Ward, late: Path) -> None:
    """Both made the same change: the second was refused, and `plan` said nothing would change and ended with 1."""
    now = late.parent / "now"
    assert ward.do("pull", str(now)).returncode == 0
    shutil.copy(now / TABLE, late / TABLE)
    plan = ward.do("plan", "--from", str(late))
    assert (plan.returncode, "没有改动" in plan.stdout) == (0, True), plan.stdout
    before = len(ward.history())
    assert ward.do("apply", "--from", str(late), *SAYS).returncode == 0
    assert len(ward.history()) == before
    _row(late, "W1")
    assert ward.do("plan", "--from", str(late)).returncode == 0, "what it was made from is known again"


@pytest.mark.parametrize(("words", "code", "told"), [
    (("plan", "--base", "nonsense"), 2, "nonsense"),
    (("plan", "--base", "abcdef"), 2, "abcdef"),
    (("apply", "--lang", "fr", *SAYS), 2, "--lang"),
    (("apply", "--by", " ", "--reason", "x"), 2, "--by"),
    (("rollback", "1", "--by", "x", "--reason", ""), 2, "--reason"),
    (("resolve", "S1", "--by", "", "--reason", "查明"), 2, "--by"),
    (("plan", "--from", "/nowhere/at/all"), 3, "/nowhere/at/all"),
    (("apply", "--from", "/nowhere/at/all", *SAYS), 3, "engine.yaml"),
])  # fmt: skip
def test_what_cannot_be_meant_is_said_at_once(ward: Ward, words: tuple[str, ...], code: int, told: str) -> None:
    said = ward.do(*words)
    assert said.returncode == code, said.stdout + said.stderr
    assert told in said.stderr


def test_a_folder_of_another_node_is_compared_not_taken(ward: Ward, tmp_path: Path) -> None:
    """Copied from the test hospital with its `.engine-base`: this node never had that version."""
    assert ward.do("pull", str(tmp_path / "copy")).returncode == 0
    (tmp_path / "copy/.engine-base").write_text("ab" * 32 + "\n")
    _row(tmp_path / "copy", "C1")
    said = ward.do("apply", "--from", str(tmp_path / "copy"), *SAYS)
    assert said.returncode == 1
    assert "从未启用" in said.stdout
    assert here(*_typed(said, "diff")).returncode == 1


def test_the_page_s_commands_all_take_json(ward: Ward) -> None:
    gone = ward.do("resolve", "S1", "--onto", "1", "--json", *SAYS)
    assert json.loads(gone.stdout)["reason"]["code"] == "E-NO-SETTLEMENT"
    plain = ward.do("resolve", "S1", "--onto", "1", *SAYS)
    assert (plain.returncode, plain.stdout) == (1, "")
    assert "E-NO-SETTLEMENT" in plain.stderr


def test_a_wrong_root_is_told_by_every_command_that_reads(tmp_path: Path) -> None:
    for words in (["tables"], ["history"], ["plan"], ["diff"], ["pull"], ["list", "tasks"]):
        said = here(*words, "--root", str(tmp_path))
        assert (said.returncode, "engine.yaml" in said.stderr) == (3, True), (words, said)


class _Other(http.server.BaseHTTPRequestHandler):
    """Who holds the engine's port."""

    said: ClassVar[tuple[int, bytes]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if not self.said[0]:
            self.wfile.write(b"220 not http\r\n")
            return
        self.send_response(self.said[0])
        self.end_headers()
        self.wfile.write(self.said[1])

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(("said", "told"), [
    ((200, b"<html>it works</html>"), "no engine"), ((404, b"not found"), "no engine"), ((0, b""), "no engine"),
    ((401, b'{"reason": {"code": "E-401"}}'), "signature"),
])  # fmt: skip
def test_who_answers_in_the_engine_s_place_is_told(tmp_path: Path, said: tuple[int, bytes], told: str) -> None:
    """It ended in a traceback, or said "E-401" and no more."""
    handler = type("Handler", (_Other,), {"said": said})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as holder:
        threading.Thread(target=holder.serve_forever, daemon=True).start()
        try:
            site = new_site(tmp_path / "site")
            path, port = site / "engine.yaml", holder.server_address[1]
            path.write_text(re.sub(r"http: 127\.0\.0\.1:[0-9]+", f"http: 127.0.0.1:{port}", path.read_text()))
            answer = here("resolve", "S1", "--root", str(site), *SAYS)
        finally:
            holder.shutdown()
    assert (answer.returncode, told in answer.stderr) == (3, True), answer


def test_settlements_in_flight_are_counted_once_in_the_history() -> None:
    """After a rollback two lines have the same content; the sum over the lines was twice what is in flight."""
    lines = ((3, "a"), (2, "b"), (1, "a"))
    turns = [Turn(seq, f"v{seq}", content, "", "apply", "甲", "", 0.0) for seq, content in lines]
    pinned: list[tuple[str, str, int]] = [("a", "one", 2), ("a", "two", 1), ("b", "one", 5), ("gone", "one", 1)]
    assert in_flight_of(turns, pinned) == {3: 3, 2: 5}


def test_the_history_names_what_plan_and_show_call_a_settlement_s_configuration(ward: Ward) -> None:
    newest: dict[str, Any] = ward.history()[0]
    shown = ward.do("history")
    assert newest["content"][:12] in shown.stdout
    assert newest["version"][:12] in shown.stdout
