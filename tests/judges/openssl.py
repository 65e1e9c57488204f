"""`openssl` as a judge of UnionPay: the double hash, the chain, the signer's name. Nothing else is asked."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path


def openssl(*arguments: str, data: bytes = b"") -> tuple[int, bytes]:
    """Exit code and output; a machine without openssl raises."""
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False, timeout=20)  # noqa: S603, S607 the system's openssl is the judge
    return done.returncode, done.stdout


def hashed(fields: Mapping[str, str]) -> bytes:
    """The small hexadecimal of the SHA-256 of what is signed: it is signed again, not the text."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "signature" and fields[name])
    return hashlib.sha256(text.encode()).hexdigest().encode()


def signed(folder: Path, fields: Mapping[str, str], private_key: str) -> dict[str, str]:
    """The fields with openssl's signature."""
    (folder / "key.pem").write_text(private_key)
    code, made = openssl("dgst", "-sha256", "-sign", str(folder / "key.pem"), data=hashed(fields))
    assert code == 0
    _, text = openssl("base64", "-A", data=made)
    return {**fields, "signature": text.decode()}


def holds(folder: Path, fields: Mapping[str, str], certificate: str) -> bool:
    """Whether the signature is of this certificate's key."""
    (folder / "leaf.pem").write_text(certificate)
    _, made = openssl("base64", "-d", "-A", data=fields.get("signature", "").encode())
    (folder / "signature").write_bytes(made)
    code, public = openssl("x509", "-in", str(folder / "leaf.pem"), "-noout", "-pubkey")
    (folder / "public.pem").write_bytes(public)
    if code:
        return False
    judge = ("dgst", "-sha256", "-verify", str(folder / "public.pem"), "-signature", str(folder / "signature"))
    return openssl(*judge, data=hashed(fields))[0] == 0


def vouched(folder: Path, certificate: str, root: str, middle: str, signer: str) -> bool:
    """Whether root and middle vouch for a certificate today, and its name is the signer's."""
    for name, pem in (("leaf.pem", certificate), ("root.pem", root), ("middle.pem", middle)):
        (folder / name).write_text(pem)
    chain = ("-CAfile", str(folder / "root.pem"), "-untrusted", str(folder / "middle.pem"))
    if openssl("verify", *chain, str(folder / "leaf.pem"))[0]:
        return False
    _, said = openssl("x509", "-in", str(folder / "leaf.pem"), "-noout", "-subject", "-nameopt", "multiline,utf8")
    found = re.search(r"commonName\s*=\s*(.+)", said.decode())
    return found is not None and found[1].split("@")[2:3] == [signer]


def believes(folder: Path, fields: Mapping[str, str], card: Mapping[str, str]) -> bool:
    """What a merchant with openssl and the card alone would say of an answer or a notice."""
    leaf = fields.get("signPubKeyCert", "")
    return bool(leaf) and vouched(folder, leaf, card["root"], card["middle"], card["signer"]) and holds(
        folder, fields, leaf
    )
