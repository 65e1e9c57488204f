"""Fixed-length fields: every byte has its place, a character is never cut in half, trouble is named with its byte."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codecs.errors import Undecodable
from engine.codecs.fixed_layout import BadLayout, read_layouts
from engine.codecs.fixed_length import Field, Group, Layout, Unfit, size_of

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    Field("begin", 4, "const", value="SSSS"), Field("name", 10), Field("amount", 10, "number", right=True, pad=b"0"),
    Field("born", 8, "date"), Field("at", 16, "moment"), Group("wards", 2, (Field("code", 5), Field("kind", 1))),
    Field("", 3, "blank"),
)  # fmt: skip
GBK, GB18030 = Layout("test", PARTS, "GBK"), Layout("test", PARTS, "GB18030")
# Whatever a person may be called: anything but control characters; blanks at the end are filling.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=14).map(lambda text: text.rstrip(" "))


def test_every_kind_of_field_at_its_place() -> None:
    data = GBK.write({
        "name": "张三丰", "amount": "-12.50", "born": "19800312", "at": "20261122/090000/",
        "wards": [{"code": "37001", "kind": "1"}],
    })  # fmt: skip
    assert data == (
        b"SSSS" + "张三丰".encode("gbk") + b"    " + b"-000012.50" + b"19800312" + b"20261122/090000/"
        + b"370011" + b"      " + b"   "
    )  # fmt: skip
    assert GBK.read(data) == {
        "name": "张三丰", "amount": "-12.50", "born": "19800312", "at": "20261122/090000/",
        "wards": [{"code": "37001", "kind": "1"}, {"code": "", "kind": ""}],
    }  # fmt: skip


def test_what_is_left_out_is_filling() -> None:
    data = GBK.write({})
    assert len(data) == GBK.size == size_of(PARTS)
    assert data[4:14] == b" " * 10
    assert data[14:24] == b"0" * 10
    read = GBK.read(data)
    assert (read["name"], read["amount"], read["born"], read["at"]) == ("", "0", "", "")


@pytest.mark.parametrize(("written", "read"), [
    ("0", "0"), (0, "0"), ("-1", "-1"), ("0.50", "0.50"), (Decimal("1200.00"), "1200.00"), ("007", "7"),
    ("-0.00", "0.00"), (1234567890, "1234567890"),
])  # fmt: skip
def test_numbers_are_filled_up_behind_their_sign(written: object, read: str) -> None:
    data = GBK.write({"amount": written})
    assert GBK.read(data)["amount"] == read
    field = data[14:24]
    assert b" " not in field
    assert field.lstrip(b"-").replace(b".", b"").isdigit()


def test_a_character_that_has_only_half_a_place_is_refused_and_named() -> None:
    with pytest.raises(Unfit) as no:
        GBK.write({"name": "a张三丰李四"})  # 1 + 2 × 5 = 11 bytes; ten fit, the last one with its first half
    assert (no.value.field, no.value.char, no.value.offset) == ("name", "四", 4 + 9)
    assert "only half of it would fit" in str(no.value)
    assert "11 bytes in GBK, 10 fit" in str(no.value)


def test_a_character_that_has_no_place_at_all_is_refused_and_named() -> None:
    with pytest.raises(Unfit) as no:
        GBK.write({"name": "张三丰李四王"})
    assert (no.value.char, no.value.offset) == ("王", 4 + 10)
    assert "half" not in str(no.value)


def test_a_character_the_set_does_not_have_is_refused_not_replaced() -> None:
    with pytest.raises(Unfit, match="does not exist in GBK") as no:
        GBK.write({"name": "测试𠮷"})
    assert (no.value.field, no.value.char, no.value.offset) == ("name", "𠮷", 4 + 4)
    assert GB18030.read(GB18030.write({"name": "测试𠮷"}))["name"] == "测试𠮷"
    assert GB18030.read(GB18030.write({"name": "测试甲𠮷"}))["name"] == "测试甲𠮷"  # 6 + 4 bytes
    with pytest.raises(Unfit, match="only half") as half:
        GB18030.write({"name": "x测试甲𠮷"})
    assert half.value.char == "𠮷"


@pytest.mark.parametrize(("value", "why"), [
    ({"amount": "12a"}, "digits"), ({"amount": "12345678901"}, "11 digits"), ({"amount": 1.5}, "float"),
    ({"name": True}, "bool"),
    ({"name": "a\nb"}, "character"), ({"born": "1980-03-12"}, "yyyyMMdd"), ({"born": "19800230"}, "no such day"),
    ({"at": "20261122090000"}, "yyyyMMdd/HHmmss/"), ({"amount": "１２"}, "digits"),
])  # fmt: skip
def test_values_that_are_none_are_refused(value: dict[str, object], why: str) -> None:
    with pytest.raises(Unfit, match=why):
        GBK.write(value)


@pytest.mark.parametrize(("tree", "why"), [
    ({"nmae": "x"}, "no field 'nmae'"), ({"wards": [{}, {}, {}]}, "room for 2"), ({"wards": "x"}, "list of objects"),
    ({"wards": [{"kode": ""}]}, "no field 'kode'"),
])  # fmt: skip
def test_a_tree_of_another_shape_is_refused(tree: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        GBK.write(tree)


def _spoiled(at: int, data: bytes) -> bytes:
    good = GBK.write({"name": "张三丰", "amount": "1.00", "born": "19800312"})
    return good[:at] + data + good[at + len(data) :]


@pytest.mark.parametrize(("at", "data", "code", "offset"), [
    (13, b"\xd5", "fixed-charset", 13),  # the field's last byte begins a character
    (4, b"\xff\xff", "fixed-charset", 4),
    (12, b"\x01", "fixed-charset", 12),
    (0, b"XSSS", "fixed-const", 0),
    (14, b"00000 1.00", "fixed-number", 14),
    (14, b"0000-01.00", "fixed-number", 14),
    (24, b"19801312", "fixed-date", 24),
    (32, b"20261122 090000 ", "fixed-date", 32),
    (52, b"\xd5", "fixed-charset", 52),  # inside a group
])  # fmt: skip
def test_bytes_that_are_wrong_are_named_by_their_place(at: int, data: bytes, code: str, offset: int) -> None:
    with pytest.raises(Undecodable) as no:
        GBK.read(_spoiled(at, data))
    assert (no.value.code, no.value.offset) == (code, offset)


@pytest.mark.parametrize("size", [0, 1, GBK.size - 1, GBK.size + 1])
def test_a_record_of_another_length_is_no_record(size: int) -> None:
    with pytest.raises(Undecodable, match="has ") as no:
        GBK.read((GBK.write({}) + b" ")[:size])
    assert no.value.code == "fixed-length"


def test_empty_dates_and_c_strings_are_empty() -> None:
    data = _spoiled(24, b"00000000")
    assert GBK.read(data)["born"] == ""
    assert GBK.read(_spoiled(4, b"ab\x00\x00\x00\x00\x00\x00\x00\x00"))["name"] == "ab"


@given(TEXTS, st.sampled_from(["GBK", "GB18030"]), st.integers(1, 12))
def test_a_text_comes_back_whole_or_not_at_all(text: str, charset: str, size: int) -> None:
    layout = Layout("one", (Field("text", size), Field("end", 4, "const", value="ZZZZ")), charset)
    fits = all(_exists(char, charset) for char in text) and len(text.encode(charset)) <= size
    if fits:
        data = layout.write({"text": text})
        assert len(data) == size + 4
        assert layout.read(data)["text"] == text
        return
    with pytest.raises(Unfit) as no:
        layout.write({"text": text})
    assert no.value.field == "text"
    assert (no.value.char in text, len(no.value.char)) == (True, 1)
    assert 0 <= no.value.offset <= 4 * len(text)


def _exists(char: str, charset: str) -> bool:
    try:
        char.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


@given(st.binary(min_size=GBK.size, max_size=GBK.size))
def test_whatever_bytes_come_they_are_read_or_refused_with_their_place(data: bytes) -> None:
    tree, refused = None, None
    try:
        tree = GBK.read(b"SSSS" + data[4:])
    except Undecodable as no:
        refused = no
    if refused is not None:
        assert 0 <= refused.offset < GBK.size
        assert refused.code.startswith("fixed-")
        return
    assert tree is not None
    assert GB18030.read(GB18030.write(tree)) == tree | {"amount": tree["amount"] or "0"}


@given(TEXTS, TEXTS)
def test_no_field_reaches_into_the_next(one: str, two: str) -> None:
    """A name that ends at the field's edge and a neighbour that begins there never make a character of both."""
    layout = Layout("two", (Field("one", 6), Field("two", 6)), "GB18030")
    try:
        data = layout.write({"one": one, "two": two})
    except Unfit:
        return
    assert data[:6].decode("gb18030").rstrip(" ") == one
    assert data[6:].decode("gb18030").rstrip(" ") == two


@pytest.mark.parametrize("field", [
    lambda: Field("x", 0), lambda: Field("x", 4, "word"), lambda: Field("x", 4, pad=b"0"),
    lambda: Field("x", 4, pad=b""),
    lambda: Field("x", 4, "const", value="SSS"), lambda: Layout("x", (Field("a", 1), Field("a", 1)), "GBK"),
    lambda: Layout("x", (), "BIG5"),
])  # fmt: skip
def test_a_layout_that_could_not_work_is_refused(field: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        field()  # type: ignore[operator]  # each is a lambda


def test_the_shipped_layouts_are_as_long_as_documented() -> None:
    found = read_layouts((ROOT / "schemas/layouts/qingdao_legacy.csv").read_bytes())
    assert [size_of(found[name]) for name in ("header", "body", "trailer")] == [226, 3766, 104]
    assert all(size_of(parts) <= 3766 for name, parts in found.items() if "." in name)
    assert size_of(found["pay.request"]) == 32 + 4 + 10 + 30 + 100 + 10 + 10 + 10
    assert size_of(found["pay.reply"]) == 4 + 100 + 32 + 10 + 10 + 16 + 100 + 100 + 6 + 12 + 18
    assert size_of(found["cancel.request"]) == 32 + 32 + 100 + 10 + 4
    assert found["person.reply"] == found["person_by_id.reply"]


@pytest.mark.parametrize(("text", "why"), [
    ("message,field\n", "no column bytes"), ("message,field,bytes\nm,a,x\n", "line 2: bytes"),
    ("message,field,bytes\nm,,4\n", "line 2: field"), ("message,field,bytes,kind\nm,a,4,word\n", "line 2: a: the kind"),
    ("message,field,bytes,kind\nm,a,4,text,9\n", "line 2: more values"),
    ("message,field,bytes\nm,a[].b,4\n", "line 2: times"), ("message,field,bytes,algn\nm,a,4,right\n", "algn.*align"),
    ("message,field,bytes,align\nm,a,4,middle\n", "line 2: align"), ('message,field,bytes\nm,"a,4\n', "line "),
])  # fmt: skip
def test_a_mistake_in_a_layout_file_is_named_by_its_line(text: str, why: str) -> None:
    with pytest.raises(BadLayout, match=why):
        read_layouts(text.encode())


def test_a_layout_file_that_is_no_utf8() -> None:
    with pytest.raises(BadLayout, match="not UTF-8"):
        read_layouts("message,field,bytes\nm,姓名,4\n".encode("gbk"))
