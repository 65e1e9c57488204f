"""What differs between two versions, and what that means for money: place, code, sentence; and never a secret."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from engine.config.problems import CODES, Problem
from engine.site.changes import Change, Row, changes, hidden
from engine.site.load import load, load_again
from engine.site.notices import notices, restarts
from engine.site.site import Site
from tests.config.fake_parties import PARTIES
from tests.config.sites import GOOD, patched, told

CHARGE, CHARGED = "mappings/charge.map.yaml", "mappings/charged.map.yaml"
ENGINE, VISIT, ITEMS = "engine.yaml", "channels/visit.yaml", "mappings/tables/items.csv"


def _site(files: Any) -> Site:
    made = load(files, parties=PARTIES)
    assert isinstance(made, Site), [told(one) for one in made]
    return made


def _change(*patches: tuple[str, str, str]) -> dict[str, bytes]:
    return patched(*({"file": file, "old": old, "new": new} for file, old, new in patches))


def _said(files: dict[str, bytes]) -> list[Problem]:
    old = _site(GOOD)
    return notices(old, _site(files), changes(GOOD, files), old.version)


MEANINGS: list[tuple[str, list[tuple[str, str, str]], list[str], str]] = [
    ("a stop goes", [(VISIT, "ask: pay.find, stop: pay.close, ", "ask: pay.find, ")], ["W702"], "stop"),
    ("a condition changes", [(VISIT, "choice.kind == 'card' && due.cash", "due.cash")], ["W702"], "`if`"),
    ("what must be equal goes", [(VISIT, ", must_equal: his.bill", "")], ["W702"], "must_equal"),
    ("a refusal becomes another word", [(CHARGED, "is: refused", "is: pending")], ["W703"], "pending"),
    ("a change may be sent again", [(VISIT, "repeats: never, amount", "repeats: same_number, amount")], ["W704"],
     "same_number"),
    ("another amount", [(VISIT, "never, amount: due.total", "never, amount: due.cash")], ["W704"], "due.cash"),
    ("a repeat is told by less", [(VISIT, "[client, request_no]", "[client, bills]")], ["W705"], "once_by"),
    ("an amount is made otherwise", [(CHARGE, "due.cash | yuan", "due.total | yuan")], ["W706"], "charge"),
    ("a party moves", [(ENGINE, "http://127.0.0.1:8721", "http://127.0.0.1:9721")], ["W707"], "9721"),
    ("a request is held dead sooner", [(ENGINE, "    late_max: 2m", "    late_max: 1m")], ["W707"], "60s"),
    ("a client may give money back", [(ENGINE, "[query, settle]", "[query, settle, refund]")], ["W708"], "refund"),
    ("a new client decides", [(ENGINE, "parties:", "  OPS: {secret: file:k, scopes: [operate, admin]}\nparties:")],
     ["W708"], "admin, operate"),
    ("a listener for all", [(ENGINE, "http: 127.0.0.1:8600", "http: 0.0.0.0:8600")], ["W709"], "0.0.0.0:8600"),
    ("a code goes", [(ITEMS, "__LAST__", "")], ["W710"], "items"),
    ("the day begins at another time", [("channels/sign.yaml", "__TIME__", "")], ["W711"], "sign"),
]  # fmt: skip


def _real(patches: list[tuple[str, str, str]]) -> dict[str, bytes]:
    files = dict(GOOD)
    for file, old, new in patches:
        text = files[file].decode()
        if old == "__LAST__":
            text = "\n".join(text.rstrip().split("\n")[:-1]) + "\n"
        elif old == "__TIME__":
            was = next(word for word in ('"00:05"', '"00:00"', '"06:00"') if word in text)
            text = text.replace(was, '"07:30"')
        else:
            assert old in text, (file, old)
            text = text.replace(old, new, 1)
        files[file] = text.encode()
    return files


@pytest.mark.parametrize(("what", "patches", "codes", "named"), MEANINGS, ids=[row[0] for row in MEANINGS])
def test_what_a_change_means_for_money_is_said(
    what: str, patches: list[tuple[str, str, str]], codes: list[str], named: str
) -> None:
    said = _said(_real(patches))
    assert [one.code for one in said] == codes, [f"{told(one)} {one.en}" for one in said]
    assert named in said[0].en
    assert said[0].file in {file for file, _, _ in patches} | {VISIT}
    assert said[0].severity == "warning"


def test_a_money_step_that_goes_is_named() -> None:
    files = {name: data.replace(b"his.book", b"his.take") for name, data in GOOD.items()}
    said = _said(files)
    assert [one.code for one in said] == ["W701", "W706"], "the step, and the map that read its answer"
    assert "his.book" in said[0].en


def test_nothing_is_said_of_a_change_that_moves_no_money() -> None:
    assert _said(_change((VISIT, "title: 测试结算", "title: 结算"), (ENGINE, "window: 5", "window: 6"))) == []
    assert _said(dict(GOOD)) == []


def test_every_meaning_has_a_case() -> None:
    old = _site(GOOD)
    unknown = notices(None, old, [], "ab" * 32)
    assert [one.code for one in unknown] == ["W712"]
    shown = {code for _, _, codes, _ in MEANINGS for code in codes} | {"W701", "W712"}
    assert {code for code in CODES if code.startswith("W7")} == shown


def test_what_a_running_engine_cannot_change() -> None:
    old = _site(GOOD)
    for new, names in (
        ((ENGINE, "name: test,", "name: other,"), ["engine.name"]),
        ((ENGINE, "store: sqlite:var/test.db", "store: sqlite:var/other.db"), ["store"]),
        ((ENGINE, "store: file:keys/store", "store: file:keys/other"), ["keys"]),
        ((ENGINE, "rate: 60", "rate: 30"), ["engine.clock"]),
        ((ENGINE, "window: 5", "window: 6"), []),
    ):
        assert restarts(old, _site(_change(new))) == names


# Row by row


def _one(files: dict[str, bytes]) -> Change:
    found = changes(GOOD, files)
    assert len(found) == 1, found
    return found[0]


def test_a_part_is_told_with_its_rows() -> None:
    one = _one(_change((VISIT, "title: 测试结算", "title: 结算")))
    assert (one.kind, one.name, one.what, one.file) == ("channel", "visit", "changed", VISIT)
    assert [(row.at, row.old, row.new) for row in one.rows] == [("3→3", "title: 测试结算", "title: 结算")]
    one = _one(_change((VISIT, "title: 测试结算\n", "title: 测试结算\n# 甲\n# 乙\n")))
    assert [(row.at, row.old, row.new) for row in one.rows] == [("→4", "", "# 甲"), ("→5", "", "# 乙")]


def test_parts_of_the_node_are_told_by_their_names() -> None:
    found = changes(GOOD, _change((ENGINE, "window: 5", "window: 9"), (ENGINE, "  K01:", "  K02:")))
    assert [(one.kind, one.name, one.what) for one in found] == [
        ("party", "bank", "changed"), ("client", "K01", "removed"), ("client", "K02", "added"),
    ]  # fmt: skip
    assert [(row.at, row.old, row.new) for row in found[0].rows] == [("window", "5", "9")]


def test_a_table_is_compared_by_what_is_looked_up_whatever_the_order() -> None:
    text = GOOD[ITEMS].decode()
    head, *rows = text.rstrip().split("\n")
    turned = {**GOOD, ITEMS: "\n".join([head, *reversed(rows)]).encode()}
    found = changes(GOOD, turned)
    assert [row for one in found for row in one.rows] == []
    one = _one({**GOOD, ITEMS: (text.rstrip() + "\nZ9" + "," * head.count(",") + "\n").encode()})
    assert [(row.at, row.old != "", row.new != "") for row in one.rows] == [("Z9", False, True)]


def test_a_large_table_is_compared_quickly() -> None:
    rows = "".join(f"C{n},N{n}\n" for n in range(200_000))
    old = {**GOOD, ITEMS: f"from_a,to_b\n{rows}".encode()}
    new = {**GOOD, ITEMS: f"from_a,to_b\n{rows}".replace("C77,N77\n", "C77,N78\n").encode()}
    found = changes(old, new)
    assert [(row.at, row.old, row.new) for row in found[0].rows] == [("C77", "C77,N77", "C77,N78")]


SECRETS = [
    "password: geheim", "api_v3_key: geheim", '"secret": "geheim"', "app_secret = geheim",
    "url: http://shop:geheim@host/", "-----BEGIN PRIVATE KEY-----geheim",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_secret_is_not_shown(text: str) -> None:
    assert "geheim" not in hidden(text)
    found = changes(GOOD, {**GOOD, "channels/bills.yaml": GOOD["channels/bills.yaml"] + f"\n# {text}\n".encode()})
    assert "geheim" not in str(found)


BLOCKS = [
    "-----BEGIN PRIVATE KEY-----\ngeheim\n-----END PRIVATE KEY-----",
    "a:\n  app_secret:\n    geheim\n  b: c",
    "password: |\n  x: file:y\n  geheim",
]


@pytest.mark.parametrize("text", BLOCKS)
def test_what_stands_inside_a_key_or_below_a_secrets_name_is_not_shown(text: str) -> None:
    """Row by row it looks like nothing."""
    found = changes(GOOD, {**GOOD, "schemas/notes.txt": text.encode()})
    assert "geheim" not in str(found)
    assert found[0].rows, "that there are such rows is no secret"


def test_the_order_of_a_channels_messages_is_no_secret() -> None:
    old, new = {**GOOD, "channels/b.yaml": b"key: a.b\n"}, {**GOOD, "channels/b.yaml": b"key: a.c\n"}
    assert [(row.old, row.new) for row in changes(old, new)[0].rows] == [("key: a.b", "key: a.c")]


def test_a_file_of_many_equal_lines_is_compared_quickly() -> None:
    """Matched line by line it takes minutes."""
    old = b"first\n" + b"\n" * 30_000
    new = b"\n" * 29_000 + b"last\n"
    begun = time.perf_counter()
    found = changes({"schemas/a.txt": old}, {"schemas/a.txt": new})
    assert time.perf_counter() - begun < 5
    assert [row for row in found[0].rows if row.old or row.new] == [Row("1→", "first", ""), Row("→29001", "", "last")]


NESTED = ["    private_key: {part: geheim}", "    token: [geheim, file:keys/a]", "    passphrase: geheim"]


@pytest.mark.parametrize(
    "line", ["    api_key: geheim", "    verify_keys: {private_key: geheim}", "    token: geheim", *NESTED]
)
def test_settings_of_a_party_are_covered_by_their_names(line: str) -> None:
    found = changes(GOOD, _change((ENGINE, "    key: file:keys/bank", line)))
    assert "geheim" not in str(found)
    assert "file:keys/bank" in str(found), "where a secret lies is no secret"


def test_a_key_of_the_node_in_clear_is_not_shown() -> None:
    """Their names are `store` and `index`."""
    assert GOOD["engine.yaml"].count(b"\nkeys:") == 1
    new = re.sub(rb"\nkeys:.*(?:\n  .*)*", b"\nkeys: {store: geheim, index: file:keys/index}", GOOD["engine.yaml"])
    (found,) = changes(GOOD, {**GOOD, "engine.yaml": new})
    assert "geheim" not in str(found)
    assert found.name == "keys"


def test_a_version_of_before_is_read_by_the_rules_of_before() -> None:
    """What was in force once may be in force again, although lint has learnt something since."""
    files = _change((VISIT, "{do: pay.charge, ask: pay.find, ", "{do: pay.charge, "))
    assert isinstance(load_again(files, parties=PARTIES), Site)
    assert [told(one) for one in load(files, parties=PARTIES)] == ["channels/visit.yaml:30:12 E412"]  # type: ignore[union-attr]  # problems
