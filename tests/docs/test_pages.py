"""The other pages: generated parts are up to date, every name resolves, nothing of a machine is written down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from engine.config.engine_file import ENGINE_FILE
from engine.core.errors import ERRORS
from engine.parties.his.gateway import PARTY as HIS
from engine.parties.registry import PARTIES
from engine.pipeline.rejected import TEXTS
from engine.site.load import load
from engine.site.site import Site
from simulators.base.control import _DOORS
from simulators.base.faults import COMMON
from simulators.his.acts import FIRST_MORNING
from simulators.his.fields import OPERATIONS
from simulators.insurance.acts import ACTS as INSURANCE_ACTS
from simulators.registry import PARTIES as SIMULATORS
from simulators.registry import party_class
from simulators.town import TEMPLATES
from simulators.wechat.acts import ACTS as WECHAT_ACTS
from simulators.wechat.codepay import TAILS
from tests.docs import errors, tables
from tests.docs.blocks import ARCHITECTURE, CHINESE, ENGLISH, ROOT, between, documents, named_files

PAGES = documents()
IDS = [str(path.relative_to(ROOT)) for path in PAGES]
FOLDERS = ("engine", "simulators", "tests", "channels", "mappings", "schemas", "docs", "bench")
NAMED_FILE = rf"`((?:{'|'.join(FOLDERS)})/[^`\s]*)`"


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["leg", "undo", "case", "layers"])
def test_the_tables_drawn_are_the_ones_in_force(name: str) -> None:
    drawn = between(ARCHITECTURE.read_text(encoding="utf-8"), name)
    assert drawn == tables.parts()[name], "python -m tests.docs.tables --write"


def test_the_error_codes_are_the_ones_in_force() -> None:
    assert errors.PATH.read_text(encoding="utf-8") == errors.document(), "python -m tests.docs.errors --write"


def test_every_code_the_engine_can_say_is_documented() -> None:
    page, site = _text("docs/errors.md"), load(ROOT)
    assert isinstance(site, Site)
    said = set(ERRORS) | set(TEXTS) | {code for made in site.maps.values() for code in made.texts}
    for path in [*(ROOT / "engine/runtime").glob("*.py"), *(ROOT / "engine/saga").glob("*.py")]:
        said |= set(re.findall(r'"(E-[A-Z0-9-]+)"', path.read_text(encoding="utf-8")))
    assert len(said) > 50
    assert {code for code in said if f"`{code}`" not in page} == set()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_and_file_names_resolve(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = [
        link
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if not link.startswith(("http://", "https://")) and not (page.parent / link).exists()
    ]
    shown = set(named_files(ENGLISH)) | set(named_files(CHINESE))
    for name in re.findall(NAMED_FILE, text):
        pattern = name.rstrip("/")
        if name not in shown and "NAME" not in name and not list(ROOT.glob(pattern)):
            wrong.append(name)
    assert wrong == []


def test_the_file_table_of_the_settlement_s_life_resolves() -> None:
    """Names without their folder stand behind one that has it."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    life = text[text.index("## The life of one settlement") : text.index("## The tables")]
    wrong, count = [], 0
    for row in life.splitlines():
        folder = ROOT
        for name in re.findall(r"`([\w/*]+\.py)`", row):
            path = ROOT / name if "/" in name else folder / name
            folder, count = path.parent, count + 1
            if not path.exists():
                wrong.append(name)
    assert count > 20
    assert wrong == []


MACHINE = re.compile(
    r"/(?:work|home|root|Users|srv)/[a-z]|pypi\.org|pythonhosted|npmjs|(?:index-url|trusted-host)[ =]+[a-z]|"
    r"artifactory|\bnexus\b|mirrors?\.[a-z]+\."
)


def test_no_text_names_a_machine_or_a_registry() -> None:
    wrong = []
    for path in _texts():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE.search(line) and path != Path(__file__):
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
    assert wrong == []


def _texts() -> list[Path]:
    ends = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".csv", ".sql", ".html", ".in", ".lock", ".txt", ""}
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a work tree of git's own
    for folder in (*FOLDERS, ".ci"):
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in found if path.suffix in ends]


def test_the_his_contract_names_every_operation_field_and_code() -> None:
    page = _text("docs/his-contract.md")
    words = set(re.findall(r"[A-Za-z_.0-9]+", page))
    assert set(HIS.ops) <= words
    assert {row.code for row in HIS.outcomes if row.code != "OK"} <= words
    optional = {"cardType", "searchType", "patientName", "billType"}
    assert {field for fields in OPERATIONS.values() for field in fields} - optional <= words


def test_the_simulators_page_names_every_fault_act_and_person() -> None:
    words = set(re.findall(r"[A-Za-z_0-9]+", _text("docs/simulators.md")))
    assert set(SIMULATORS) <= words
    for name in SIMULATORS:
        made = party_class(name)
        assert made.own_refusals | made.own_breaks | made.own_faults <= words, name
    assert words >= COMMON
    his = {"new_bill", "collect_at_window", "change_bill", "void_bill", "set"}
    assert {*INSURANCE_ACTS, *WECHAT_ACTS, *his, *TEMPLATES, *TAILS} <= words
    assert {patient for patient, _ in FIRST_MORNING} <= words


def _no_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_every_section_of_a_page_speaks_chinese_too() -> None:
    """Joint debuggers and HIS vendors are Chinese; half of what they read was not. Whole pages and sections of prose;
    of tables see the next."""
    tables = ("errors.md", "faults.md", "settings.md")
    pages = [path for path in (ROOT / "docs").glob("*.md") if path.name not in tables]
    poor = [
        f"{page.name}: {section.splitlines()[0]}"
        for page in sorted(pages)
        for section in re.split(r"^#+ ", _no_code(page), flags=re.MULTILINE)[1:]
        if len(re.findall(r"[\u4e00-\u9fff]", section)) < min(60, len(re.findall(r"[A-Za-z]{3,}", section)) // 3)
    ]
    assert not poor


def test_every_question_of_the_settings_page_is_asked_in_chinese_too() -> None:
    rows = [line.split("|")[1].strip() for line in _text("docs/settings.md").splitlines() if line.startswith("| ")]
    questions = [row for row in rows if row != "问题 · question"]
    assert len(questions) > 150
    poor = [row for row in questions if "<br>" not in row or not re.search(r"[\u4e00-\u9fff]", row.split("<br>")[0])]
    assert not poor


def test_the_simulators_page_names_every_door() -> None:
    page = _text("docs/simulators.md")
    assert all(path in page for path in _DOORS)


def test_every_setting_of_a_party_is_in_the_settings_page_or_the_shipped_file() -> None:
    words = set(re.findall(r"[a-z_0-9]+", _text("docs/settings.md")))
    shipped = yaml.load(_text("engine.yaml"), yaml.BaseLoader)["parties"]  # noqa: S506 makes nothing but text
    told = {"dev_no", "mac", "ip", "opter_type"}  # of the terminal: maps or their defaults fill them
    for party in PARTIES.values():
        written = {name for one in shipped.values() if one["kind"] == party.kind for name in one}
        assert set(party.settings.model_fields) - written - told <= words, party.kind


def test_the_settings_page_names_only_parts_of_the_file_that_exist() -> None:
    named = set(re.findall(r"`([a-z]+): \{", _text("docs/settings.md")))
    assert named <= {field.name for field in ENGINE_FILE.fields}
    assert {"parties", "hospital", "limits", "retention"} <= named
