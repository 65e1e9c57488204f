"""Persons' data never touches the disk in clear: compress, then encrypt, bound to the place it is stored in.

Data keys are random, live for a period, and lie in the table `keys` encrypted under the master key, which only the
operator holds. Rotation makes a new data key while the engine runs; what older keys sealed stays readable. The place
(`table.column`) and row id are authenticated with each value: a value moved to another row does not open.

A sealed value: 1 byte form (bits 0 and 3: how it is compressed; bits 1-2: algorithm), 4 bytes key id, 12 bytes nonce,
then ciphertext with its 16-byte tag. In `bodies` the key id, algorithm and nonce are columns and `data` is the form
byte + ciphertext.
"""

from __future__ import annotations

import hmac
import threading
import unicodedata
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ALGORITHMS: dict[str, int] = {"aesgcm": 0, "sm4gcm": 1}
KEY_SIZE: dict[str, int] = {"aesgcm": 32, "sm4gcm": 16}
_NAMES = {number: name for name, number in ALGORITHMS.items()}
_HEAD = 1 + 4 + 12
FEW = 4
SMALL = 96  # bytes below which compression gains nothing
USUAL = 16384  # bytes up to which a value is compressed in a hurry
MASTER_MIN = 32
_DEFLATED, _ZSTD = 1, 8  # bits of the form; values once stored deflated stay readable
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_NONCES = 256  # drawn together: each drawing is a system call that lets go of the interpreter


class Tampered(Exception):
    """A sealed value does not open: changed, moved, cut, or sealed under another key."""


class WrongMasterKey(Exception):
    """The stored data keys do not open with this master key."""


class _Key:
    """One data key. Nothing of it is ever shown."""

    __slots__ = ("_aes", "_sm4", "alg", "key_id")

    def __init__(self, key_id: int, alg: str, key: bytes) -> None:
        if alg not in KEY_SIZE or len(key) != KEY_SIZE[alg]:
            raise ValueError("a data key of the wrong size")
        self.key_id, self.alg = key_id, alg
        self._aes = AESGCM(key) if alg == "aesgcm" else None
        self._sm4 = algorithms.SM4(key) if alg == "sm4gcm" else None

    def __repr__(self) -> str:
        return f"<data key {self.key_id} {self.alg}>"

    def encrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        if self._aes is not None:
            return self._aes.encrypt(nonce, data, bound)
        assert self._sm4 is not None
        work = Cipher(self._sm4, modes.GCM(nonce)).encryptor()
        work.authenticate_additional_data(bound)
        return work.update(data) + work.finalize() + work.tag

    def decrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        try:
            if self._aes is not None:
                return self._aes.decrypt(nonce, data, bound)
            assert self._sm4 is not None
            work = Cipher(self._sm4, modes.GCM(nonce, data[-16:])).decryptor()
            work.authenticate_additional_data(bound)
            return work.update(data[:-16]) + work.finalize()
        except (InvalidTag, ValueError):
            raise Tampered("a sealed value does not open") from None


class _Own(threading.local):
    """What each thread has for itself: compressors kept warm (making one costs ten times its use), nonces drawn.

    What a settlement or a message brings is small and comes alone. Its compression touches as little memory as can be
    (a table of 4 KiB, no code of its own for the letters): values become a sixth longer, in two fifths of the time, and
    a third of it where the caches were cold. What is long is worth the whole work."""

    def __init__(self) -> None:
        light = zstandard.ZstdCompressionParameters.from_level(-1, window_log=14, hash_log=10)
        self.light = zstandard.ZstdCompressor(compression_params=light)
        self.whole = zstandard.ZstdCompressor(level=1)
        self.decompress = zstandard.ZstdDecompressor().decompress
        self.nonces: list[bytes] = []

    def compressor(self, size: int) -> Any:
        """For values of so many bytes at most."""
        return self.light if size <= USUAL else self.whole


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row of `keys`. `use`: data (aesgcm), data:sm4gcm, or index."""

    key_id: int
    use: str
    wrapped: bytes
    created_at: float
    retired_at: float | None = None


class Sealer:
    """Seals and opens values, with the data keys of this store. Safe to use from several threads.

    `token(n)` gives n unpredictable bytes (World.token); `master` is at least 32 bytes from the operator's secret.
    """

    __slots__ = ("_current", "_hashing", "_index", "_keys", "_own", "_token", "_wrap", "alg")

    def __init__(self, master: bytes, token: Callable[[int], bytes], alg: str = "aesgcm") -> None:
        if len(master) < MASTER_MIN:
            raise ValueError(f"the master key must have at least {MASTER_MIN} bytes")
        if alg not in ALGORITHMS:
            raise ValueError(f"no such algorithm: {alg!r} (aesgcm, sm4gcm)")
        size = KEY_SIZE[alg]
        wrap = HKDF(algorithm=SHA256(), length=size, salt=None, info=b"settlement store key wrap " + alg.encode())
        self._wrap = _Key(0, alg, wrap.derive(master))
        self._token, self.alg = token, alg
        self._keys: dict[int, _Key] = {}
        self._current: _Key | None = None
        self._index = b""
        self._hashing = _hashing(b"")
        self._own = _Own()

    def __repr__(self) -> str:
        return f"<Sealer {self.alg}, {len(self._keys)} data keys>"

    # Keys

    def load(self, rows: Iterable[StoredKey]) -> None:
        """Open the stored keys. WrongMasterKey when one does not."""
        for row in sorted(rows, key=lambda r: r.key_id):
            try:
                key = self._wrap.decrypt(row.wrapped[:12], row.wrapped[12:], _bound("keys." + row.use, row.key_id))
            except Tampered:
                raise WrongMasterKey("the store's keys do not open with this master key") from None
            if row.use == "index":
                self._index = key
                self._hashing = _hashing(key)
            else:
                self._keys[row.key_id] = opened = _Key(row.key_id, row.use.partition(":")[2] or "aesgcm", key)
                if row.retired_at is None:
                    self._current = opened

    def missing(self, now: float) -> list[StoredKey]:
        """The rows a new store has to keep before anything is sealed: the index key and the first data key."""
        made = []
        if not self._index:
            made.append(self._new(self._next_id(()), "index", 32, now))
        if self._current is None:
            made.append(self._new_data(made, now))
        return made

    def rotated(self, now: float) -> StoredKey:
        """A new data key's row, to be stored and then loaded; older keys have to be marked retired with it."""
        return self._new_data([], now)

    def rewrapped(self, rows: Iterable[StoredKey], new: Sealer) -> list[StoredKey]:
        """The same keys wrapped under `new`'s master key (change of the master key; data is not touched)."""
        made = []
        for row in rows:
            bound = _bound("keys." + row.use, row.key_id)
            key = self._wrap.decrypt(row.wrapped[:12], row.wrapped[12:], bound)
            made.append(StoredKey(row.key_id, row.use, new._wrapped(key, bound), row.created_at, row.retired_at))
        return made

    def _new_data(self, besides: list[StoredKey], now: float) -> StoredKey:
        return self._new(self._next_id(besides), f"data:{self.alg}", KEY_SIZE[self.alg], now)

    def _next_id(self, besides: Iterable[StoredKey]) -> int:
        return max([1, *self._keys, *(row.key_id for row in besides)]) + (1 if self._keys or besides else 0)

    def _new(self, key_id: int, use: str, size: int, now: float) -> StoredKey:
        return StoredKey(key_id, use, self._wrapped(self._token(size), _bound("keys." + use, key_id)), now)

    def _wrapped(self, key: bytes, bound: bytes) -> bytes:
        nonce = self._token(12)
        return nonce + self._wrap.encrypt(nonce, key, bound)

    # Values

    def packed(self, values: list[bytes | bytearray | memoryview[int]]) -> list[bytes]:
        """Compressed values, to be handed to `seal` with what they were made of. All at once, since each compression
        lets go of the interpreter; but that takes a compressor of its own, so what one unit brings is not worth it."""
        if len(values) <= FEW:
            return [self._own.compressor(len(value)).compress(value) for value in values]
        made = self._own.compressor(max(map(len, values))).multi_compress_to_buffer(values)
        return [made[at].tobytes() for at in range(len(values))]

    def seal(self, place: str, row_id: object, data: bytes, packed: bytes | None = None) -> bytes:
        """Compress and encrypt `data` for `place` (`table.column`) and row, everything in one value."""
        form, key_id, nonce, text = self._sealed(place, row_id, data, packed)
        return bytes((form,)) + key_id.to_bytes(4, "big") + nonce + text

    def unseal(self, place: str, row_id: object, blob: bytes) -> bytes:
        """What `seal` was given. Tampered when it is not exactly that, there."""
        if len(blob) < _HEAD + 16:
            raise Tampered("a sealed value is cut short")
        key_id = int.from_bytes(blob[1:5], "big")
        return self._opened(place, row_id, blob[0], key_id, bytes(blob[5:_HEAD]), bytes(blob[_HEAD:]))

    def seal_body(self, row_id: object, data: bytes, packed: bytes | None = None) -> dict[str, object]:
        """The columns alg, key_id, nonce and data of a row of `bodies`."""
        form, key_id, nonce, text = self._sealed("bodies.data", row_id, data, packed)
        return {"alg": self.alg_of(form), "key_id": key_id, "nonce": nonce, "data": bytes((form,)) + text}

    def unseal_body(self, row_id: object, key_id: int, nonce: bytes, data: bytes) -> bytes:
        """The body a row of `bodies` holds. Tampered when it was changed or moved."""
        if not data:
            raise Tampered("a sealed body is empty")
        return self._opened("bodies.data", row_id, data[0], key_id, bytes(nonce), bytes(data[1:]))

    @staticmethod
    def alg_of(form: int) -> str:
        """The algorithm's name in a form byte."""
        return _NAMES.get(form >> 1 & 3, "")

    def _sealed(self, place: str, row_id: object, data: bytes, packed: bytes | None) -> tuple[int, int, bytes, bytes]:
        key = self._current
        assert key is not None, "no data key: load() was not called"
        form = ALGORITHMS[key.alg] << 1
        own = self._own
        if len(data) >= SMALL:
            small: bytes = own.compressor(len(data)).compress(data) if packed is None else packed
            if len(small) < len(data):
                form, data = form | _ZSTD, small
        if not own.nonces:
            drawn = self._token(12 * _NONCES)
            own.nonces = [drawn[at : at + 12] for at in range(0, len(drawn), 12)]
        nonce = own.nonces.pop()
        return form, key.key_id, nonce, key.encrypt(nonce, data, _bound(place, row_id) + bytes((form,)))

    def _opened(self, place: str, row_id: object, form: int, key_id: int, nonce: bytes, text: bytes) -> bytes:
        key = self._keys.get(key_id)
        if key is None:
            raise Tampered(f"no data key {key_id}")
        if form & ~15 or (form & _DEFLATED and form & _ZSTD) or self.alg_of(form) != key.alg:
            raise Tampered("a sealed value names another algorithm than its key has")
        data = key.decrypt(nonce, text, _bound(place, row_id) + bytes((form,)))
        if form & _ZSTD:
            opened: bytes = self._own.decompress(data)
            return opened
        return zlib.decompress(data) if form & _DEFLATED else data

    def person_index(self, kind: str, value: str) -> str:
        """A keyed hash (hex HMAC-SHA256) by which a person's number or name can be found without being stored."""
        return self.person_digest(kind, value).hex()

    def person_digest(self, kind: str, value: str) -> bytes:
        """The same as 32 bytes."""
        assert self._index, "no index key: load() was not called"
        plain = value.upper() if value.isascii() and value.isalnum() else normal(value)
        begun, ended = self._hashing  # HMAC-SHA256; the key's two blocks are hashed already
        inner, outer = begun.copy(), ended.copy()
        inner.update(kind.encode() + b"\0" + plain.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest


def normal(value: str) -> str:
    """A person's number or name as compared: full-width forms folded, no spaces, upper case."""
    return "".join(unicodedata.normalize("NFKC", value).split()).upper()


def same(left: str, right: str) -> bool:
    """Whether two hashes are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def _hashing(key: bytes) -> tuple[Any, Any]:
    """The inner and the outer hash of HMAC-SHA256 (RFC 2104) once they have taken the key, of 64 bytes at most."""
    assert len(key) <= 64, "an index key is shorter than a block"
    block = key.ljust(64, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))


def _bound(place: str, row_id: object) -> bytes:
    return f"{place}\0{row_id}".encode("utf-8", "surrogatepass")
