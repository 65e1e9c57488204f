"""The folder as it is shipped loads without a mistake, and its tables agree with the town's price list."""

from __future__ import annotations

from engine.site.load import load
from engine.site.site import Site
from simulators.town import DOCTORS, TEMPLATES, price_list

from .bench import MAPS, ROOT, START


def test_the_shipped_site_has_no_mistake() -> None:
    site = load(ROOT)
    assert isinstance(site, Site), site
    # On a slow day the insurance's waits add up to more than a kiosk should wait: it is told `working` then.
    assert {problem.code for problem in site.advice} <= {"W510"}
    assert set(site.channels) >= {"outpatient_bills", "outpatient_settlement", "insurance_signin"}
    assert set(site.maps) >= set(MAPS)


def test_every_item_doctor_and_diagnosis_of_the_town_is_mapped() -> None:
    site = load(ROOT)
    assert isinstance(site, Site)
    for code, item in price_list().items():
        row = site.tables["his_item"].look(code, START)
        assert row == {
            "med_list_codg": item.national, "list_type": item.list_type, "med_chrgitm_type": item.charge_type
        }  # fmt: skip
        assert site.tables["charge_type"].look(item.charge_type) is not None
    for doctor, (name, national, dept, dept_name, caty) in DOCTORS.items():
        assert site.tables["doctors"].look(doctor) == {"national_code": national, "name": name}
        assert site.tables["departments"].look(dept) == {"dept_code": dept, "dept_name": dept_name, "caty": caty}
    for template in TEMPLATES.values():
        assert not template.icd or site.tables["icd"].look(template.icd) is not None


def test_requests_are_read_strictly() -> None:
    site = load(ROOT)
    assert isinstance(site, Site)
    good = {
        "request_no": "K01-000123", "campus": "main", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01",
        "patient": {"id": "P0001", "credential": {"kind": "insurance_card", "value": "A12345678", "card_sn": "S1"}},
        "bills": ["B20261122001"], "pay_identity": "insured",
    }  # fmt: skip
    settlement, choice = site.schemas["outpatient_settlement"], site.schemas["pay_choice"]
    assert not settlement.check(good)
    for wrong in (
        {**good, "extra": 1}, {**good, "bills": []}, {**good, "bills": ["B1", "B2"]}, {**good, "request_no": "x" * 65},
        {**good, "pay_identity": "free"}, {**good, "operator": 1}, {k: v for k, v in good.items() if k != "bills"},
        {**good, "patient": {"id": "P0001", "credential": {"kind": "insurance_card", "value": "A1"}}},
    ):  # fmt: skip
        assert settlement.check(wrong), wrong
    assert not choice.check({"choice_no": "1", "kind": "wechat_code", "auth_code": "134567890123456789"})
    assert not choice.check({"choice_no": "1", "kind": "cash"})
    for odd in (
        {"choice_no": "1", "kind": "wechat_code"}, {"choice_no": "1", "kind": "wechat_code", "auth_code": "9" * 18},
        {"choice_no": "1", "kind": "cash", "auth_code": "134567890123456789"}, {"kind": "cash"},
        {"choice_no": "1", "kind": "cheque"},
    ):  # fmt: skip
        assert choice.check(odd), odd
    assert not site.schemas["cancel_request"].check({"request_no": "1", "reason_code": "patient"})
    assert site.schemas["refund_request"].check({"request_no": "1"})
    assert site.schemas["outpatient_bills"].check({"patient": ""})
