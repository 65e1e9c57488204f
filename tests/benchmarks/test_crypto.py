"""What bench.crypto measures is what the engine believes: the answers and notices of every party."""

from __future__ import annotations

import pytest

from bench.crypto_floors import Floors, inner
from bench.crypto_talks import CASES, NOTICES, Bench, Case
from engine.parties.contract import Heard

NAMED = {
    "nhsa", "mobile_pay", "wechat", "alipay", "unionpay", "einvoice", "municipal", "qingdao_legacy", "dareway",
    "neusoft", "yinhai", "his", "commercial",
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def test_every_party_is_measured() -> None:
    assert {case.kind for case in CASES} == NAMED
    assert len({case.label for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label.replace(" ", "-"))
def test_an_answer_is_whole_and_has_floors(bench: Bench, case: Case) -> None:
    talk = bench.talk(case)
    floors = Floors()
    assert talk.read().intact
    assert talk.build().body or talk.build().target
    assert floors.cost(case.building, talk.request.body or b"/", 0.001) > 0.0
    assert floors.cost(case.reading, talk.reply.body, 0.001) > 0.0


@pytest.mark.parametrize("kind", [kind for kind, *_ in NOTICES])
def test_a_notice_is_believed(bench: Bench, kind: str) -> None:
    assert isinstance(bench.told(kind).hear(), Heard)


def test_x_ca_signs_by_hmac_sm3(bench: Bench) -> None:
    talk = bench.talk(next(case for case in CASES if case.name == "1101 by x-ca"))
    assert dict(talk.request.headers)["x-ca-signature"].count(":") == 1
    assert talk.read().code == "0"


def test_the_longest_text_is_what_stands_inside() -> None:
    assert inner(b"<a><b>x</b><c><![CDATA[<?xml version='1.0'?><d>1</d>]]></c></a>") == b"<d>1</d>"
