"""Forms, character sets and XML: strict in, exact out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codecs import charset, form, xml_text
from engine.codecs.errors import Undecodable


def test_rare_names_survive_gb18030_and_halves_do_not() -> None:
    name = "测试𠮷"
    assert charset.decode(charset.encode(name, "GBK"), "gb18030") == name
    with pytest.raises(Undecodable) as caught:
        charset.decode("测试".encode("gb18030")[:-1], "gb18030")
    assert caught.value.offset == 2
    with pytest.raises(Undecodable):
        charset.encode("a\ud800", "utf-8")
    with pytest.raises(ValueError, match="unknown character set"):
        charset.decode(b"", "latin-1")


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (b"a=1&b=2&a=3", "form-duplicate", 8),
        (b"a=%zz", "form-escape", 2),
        (b"a=1&b=%4", "form-escape", 6),
        (b"=1", "form-name", 0),
        (b"a=1&&b=2", "form-name", 4),
        (b"a=%FF", "charset", 2),
        (b"a=1&b=2&" * 600, "form-duplicate", 8),
    ],
)
def test_crooked_forms_are_refused(data: bytes, code: str, offset: int) -> None:
    with pytest.raises(Undecodable) as caught:
        form.parse(data)
    assert (caught.value.code, caught.value.offset) == (code, offset)


@given(st.dictionaries(st.text(min_size=1).filter(lambda n: "\0" not in n), st.text(), max_size=6))
def test_forms_read_back_what_was_written(fields: dict[str, str]) -> None:
    assert form.parse(form.print_form(fields)) == fields


def test_a_form_is_bounded() -> None:
    with pytest.raises(Undecodable, match="more than 500"):
        form.parse(b"&".join(b"f%d=1" % n for n in range(501)))
    with pytest.raises(ValueError, match="twice"):
        form.print_form([("a", "1"), ("a", "2")])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><xml><a>&a;</a></xml>', "xml-doctype"),
        (b"<!doctype x><xml/>", "xml-doctype"),
        (b"<xml><a>&undefined;</a></xml>", "xml-syntax"),
        (b"<xml><a>1</b></xml>", "xml-syntax"),
        (b"<xml><a>1</a><a>2</a></xml>", "xml-duplicate"),
        (b"<xml><a><b/></a></xml>", "xml-flat"),
        (b"<a>" * 70 + b"</a>" * 70, "xml-depth"),
        (b"<?xml version='1.0' encoding='latin-1'?><xml/>", "charset"),
        (b"<xml>\xff</xml>", "charset"),
        (b"", "xml-syntax"),
        (b"<html><body>login</body>", "xml-syntax"),
    ],
)
def test_dangerous_or_crooked_xml_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Undecodable) as caught:
        xml_text.parse_flat(data)
    assert caught.value.code == code


def test_a_doctype_inside_cdata_is_text() -> None:
    assert xml_text.parse_flat(b"<xml><a><![CDATA[<!DOCTYPE x>]]></a></xml>") == {"a": "<!DOCTYPE x>"}


def test_gb_declared_xml_is_read() -> None:
    data = "<?xml version='1.0' encoding='GBK'?><xml><a>测试</a></xml>".encode("gbk")
    assert xml_text.parse_flat(data) == {"a": "测试"}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40))
def test_flat_xml_reads_back_what_was_written(value: str) -> None:
    try:
        data = xml_text.print_flat({"a": value, "b": "]]>"})
    except ValueError:
        assert any(ord(c) < 32 or 0xFFFE <= ord(c) <= 0xFFFF for c in value)
    else:
        assert xml_text.parse_flat(data) == {"a": value, "b": "]]>"}
