"""What of a party's bytes an operator may see: names, id numbers, phones, cards, tokens and payment codes are covered.

A value is covered for its key (`psn_name`), for its shape (eighteen digits), or because the same value stood elsewhere
under such a key. Covering too much is right, covering too little is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME_KEYS = frozenset(
    {"psnname", "patientname", "namepatient", "patient", "patname", "patnname", "payer", "payername", "realname",
     "holdername", "agntername", "conername", "contactname", "xm", "pxm", "hzxm", "brxm", "姓名"}
)  # fmt: skip
NUMBER_KEYS = frozenset(
    {"idno", "idcard", "idcardno", "idnumber", "certno", "certificateno", "identityno", "sfzh", "sfzhm", "zjhm",
     "mdtrtcertno", "psncertno", "paperno", "cardid", "cardno", "cardsn", "bankcard", "bankcardno", "accno", "psnno",
     "healthcode", "policyno", "credential", "credentialvalue", "身份证号", "卡号",
     "shbzhm", "kh", "kxlh", "ylzbh", "grbh", "personno", "pgrbh", "pkh", "pshbzhm", "psbm"}
)  # fmt: skip
PHONE_KEYS = frozenset(
    {"phone", "phonenumbers", "phonenumber", "phonenum",
     "tel", "mobile", "mobilephone", "telephone", "payertel", "conertel", "agntertel", "sjh", "lxdh"}
)
SECRET_KEYS = frozenset(
    {"authcode", "token", "accesstoken", "refreshtoken", "ectoken", "ecqrcode", "paytoken", "payauthno", "revstoken",
     "secret", "appsecret", "password", "passwd", "pwd",
     "sign", "paysign", "signature", "signno", "openid", "subopenid", "spopenid", "sessionid",
     "encinfo", "cainfo", "devsafeinfo", "ciphertext", "apikey", "privatekey", "key", "qrcode"}
)  # fmt: skip
BIRTH_KEYS = frozenset({"brdy", "birth", "birthday", "birthdate", "csrq"})
PLACE_KEYS = frozenset({"addr", "address", "conraddr", "agnteraddr", "lxdz"})
PERSON_SIGNS = NUMBER_KEYS | PHONE_KEYS | BIRTH_KEYS | frozenset({"gender", "gend", "patientid", "sex"})
"""Keys beside which a bare `name` is a person's."""
OURS = frozenset(
    {"setlid", "mdtrtid", "transactionid", "outtradeno", "outrefundno", "refundid", "tradeno", "msgid", "busno",
     "feedetlsn", "chrgbchno", "billno", "settleno", "lockno", "voidno", "infrefmsgid", "medlistcodg",
     "medinslistcodg", "billbatchcode", "settlementno", "requestno",
     "jylsh", "yjylsh", "mzlsh", "brjsh", "ywzqh",
     "reserve", "exchange", "original", "yyjylsh", "hisjyh", "phisjyh", "jshid", "pjshid"}
)  # fmt: skip
"""Numbers of settlements, not of persons: shown whole although they may look like a card's."""
_SECRET_HEADER = re.compile(r"sign|token|secret|auth|cookie|key|nonce", re.IGNORECASE)
_LONG = re.compile(r"[0-9]{11}")  # every pattern below has as many digits in a row
_ID = re.compile(r"(?<![0-9])([1-9][0-9]{2})[0-9]{11}([0-9]{3}[0-9Xx])(?![0-9])")
_OLD_ID = re.compile(r"(?<![0-9A-Za-z])([1-9][0-9]{2})[0-9]{8}([0-9]{4})(?![0-9])")
_PHONE = re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])")
_CARD = re.compile(r"(?<![0-9A-Za-z])[0-9]{12,17}([0-9]{4})(?![0-9])")
_MOMENT = re.compile(r"20[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9][0-2][0-9][0-5][0-9][0-5][0-9][0-9]{0,3}")
_LOOSE = re.compile(
    r"""(["'<&?]?)([A-Za-z_]{2,24})(["']?\s*(?:[:=>]|&gt;)\s*["']?(?:<!\[CDATA\[)?)([^"'<>&,;}\]\s]{1,512})"""
)
STARS = "****"


def plain_key(key: str) -> str:
    """A key as compared: lower case, without `_`, `-` and a namespace."""
    return key.rpartition("}")[2].rpartition(":")[2].replace("_", "").replace("-", "").lower()


def without_numbers(text: str, ours: frozenset[str] = frozenset()) -> str:
    """A text without what has the shape of an id number, a phone or a card; moments (20261122093000) stay, and what is
    `ours`: numbers that the reader has before him anyway."""
    if _LONG.search(text) is None:
        return text
    text = _ID.sub(r"\1***********\2", text)
    text = _PHONE.sub(r"\1****\2", text)
    text = _CARD.sub(
        lambda found: found[0] if found[0] in ours or _MOMENT.fullmatch(found[0]) else STARS + found[1], text
    )
    return _OLD_ID.sub(r"\1********\2", text)


def masked_name(text: str) -> str:
    """`张三丰` → `张*`."""
    return text[:1] + "*" if text else ""


def masked_number(text: str) -> str:
    """An id number as 370***********0117, any other as its last four."""
    if _ID.fullmatch(text):
        return _ID.sub(r"\1***********\2", text)
    if len(text) > 32:
        return STARS
    return STARS + text[-4:] if len(text) > 6 else STARS


def masked_phone(text: str) -> str:
    """`13900000001` → `139****0001`."""
    return _PHONE.sub(r"\1****\2", text) if _PHONE.fullmatch(text) else STARS


class Masker:
    """Covers the values of one exchange. `count` says how many were covered; what was once covered for its key is
    covered wherever it stands. `ours`: numbers of ours that may look like a card's, such as the message's own; under a
    person's key they are covered all the same."""

    def __init__(self, *ours: str) -> None:
        self.count = 0
        self._ours = frozenset(ours)
        self._known: dict[str, str] = {}
        self._known_pattern: re.Pattern[str] | None = None

    def learn(self, key: str, value: str, beside: Mapping[str, object] | frozenset[str] = frozenset()) -> None:
        """First pass: remember a value that is covered for its key."""
        made = covered(key, value, beside)
        if made is not None and made != value and len(value) >= (8 if value.isascii() else 2):
            self._known[value] = made
        self._known_pattern = None

    def learn_tree(self, tree: object, key: str = "", beside: frozenset[str] = frozenset()) -> None:
        """Remember every value of a decoded tree that is covered for its key."""
        if isinstance(tree, Mapping):
            near = frozenset(plain_key(str(name)) for name in tree)
            for name, value in tree.items():
                self.learn_tree(value, str(name), near)
        elif isinstance(tree, list | tuple):
            for value in tree:
                self.learn_tree(value, key, beside)
        elif isinstance(tree, str):
            self.learn(key, tree, beside)

    def value(self, key: str, value: str, beside: Mapping[str, object] | frozenset[str] = frozenset()) -> str:
        """A value as it may be shown under its key."""
        made = covered(key, value, beside)
        if made is not None:
            self.count += made != value
            return made
        return self.text(value, numbers=plain_key(key) not in OURS)

    def text(self, text: str, *, numbers: bool = True) -> str:
        """Free text as it may be shown; `numbers` False: what looks like a card's number is one of ours."""
        before = text
        if self._known:
            if self._known_pattern is None:
                longest = sorted(self._known, key=len, reverse=True)
                self._known_pattern = re.compile("|".join(re.escape(one) for one in longest))
            text = self._known_pattern.sub(lambda found: self._known[found[0]], text)
        if numbers:
            text = without_numbers(text, self._ours)
        self.count += text != before
        return text

    def loose(self, text: str) -> str:
        """Text of a form we could not read (cut off, unknown): `key: value` pairs are covered where seen."""

        def pair(found: re.Match[str]) -> str:
            made = covered(found[2], found[4], PERSON_SIGNS)
            if made is None or made == found[4]:
                return found[0]
            self.count += 1
            return found[1] + found[2] + found[3] + made

        return self.text(_LOOSE.sub(pair, text))

    def header(self, name: str, value: str) -> str:
        """A header's value as it may be shown."""
        if _SECRET_HEADER.search(name):
            self.count += 1
            scheme, gap, _ = value.partition(" ")
            return f"{scheme} {STARS}" if gap and plain_key(name) == "authorization" else STARS
        return self.text(value, numbers=False)


def covered(key: str, value: str, beside: Mapping[str, object] | frozenset[str] = frozenset()) -> str | None:
    """The value as covered for its key, None when the key is no reason. `beside`: its neighbours' plain keys."""
    if not value:
        return None
    plain = plain_key(key)
    if plain in NAME_KEYS or (plain == "name" and any(one in PERSON_SIGNS for one in beside)):
        return masked_name(value)
    if plain in NUMBER_KEYS or (plain == "value" and "cardsn" in beside):
        return masked_number(value)
    if plain in PHONE_KEYS:
        return masked_phone(value)
    if plain in SECRET_KEYS or (plain == "resulttext" and len(value) >= 8 and value.isascii()):  # a token, no words
        return STARS
    if plain in BIRTH_KEYS:
        return value[:4] + "-**-**" if value[:4].isdigit() else STARS
    if plain in PLACE_KEYS:
        return value[:3] + "***"
    return None
