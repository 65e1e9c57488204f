"""SM2 by the system's OpenSSL 3, called in place through cffi; the interpreter's lock is free meanwhile.

The operating system keeps this library patched. It signs in a time that does not depend on the key. Keys are parsed
once and kept (`_KEPT` of them), since parsing one costs as much as a signature.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import cffi

from engine.codecs.gm import keys

_NAMES: Final = ("libcrypto.so.3", "libcrypto.3.dylib", "libcrypto-3-x64.dll")
_KEPT: Final = 64  # keys of each kind
_MAX_HIDDEN: Final = 1 << 20  # bytes
_SM2: Final = b"SM2"

_HEADER: Final = """
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
unsigned long OpenSSL_version_num(void);
void ERR_clear_error(void);
EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **a, const unsigned char **pp, long length);
EVP_PKEY *d2i_PUBKEY(EVP_PKEY **a, const unsigned char **pp, long length);
int EVP_PKEY_is_a(const EVP_PKEY *pkey, const char *name);
void EVP_PKEY_free(EVP_PKEY *pkey);
EVP_PKEY_CTX *EVP_PKEY_CTX_new(EVP_PKEY *pkey, void *e);
void EVP_PKEY_CTX_free(EVP_PKEY_CTX *ctx);
int EVP_PKEY_CTX_set1_id(EVP_PKEY_CTX *ctx, const void *id, int len);
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *ctx);
void EVP_MD_CTX_set_pkey_ctx(EVP_MD_CTX *ctx, EVP_PKEY_CTX *pctx);
const EVP_MD *EVP_get_digestbyname(const char *name);
int EVP_DigestSignInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, void *e, EVP_PKEY *pkey);
int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *siglen, const unsigned char *tbs, size_t tbslen);
int EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, void *e, EVP_PKEY *pkey);
int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen, const unsigned char *tbs, size_t len);
int EVP_PKEY_encrypt_init(EVP_PKEY_CTX *ctx);
int EVP_PKEY_encrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen);
int EVP_PKEY_decrypt_init(EVP_PKEY_CTX *ctx);
int EVP_PKEY_decrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *outlen, const unsigned char *in, size_t inlen);
"""

_ffi: Final = cffi.FFI()
_ffi.cdef(_HEADER)


def found() -> Libcrypto | None:
    """The library, when this system has one of version 3 that knows SM2."""
    for name in _NAMES:
        try:
            made = Libcrypto(_ffi.dlopen(name))
        except (OSError, AttributeError, ValueError):
            continue
        return made
    return None


class Libcrypto:
    """OpenSSL 3. ValueError when it was built without SM2."""

    name = "OpenSSL"

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self._md = lib.EVP_get_digestbyname(b"SM3")
        self._private: Callable[[bytes, bytes], Any] = lru_cache(_KEPT)(self._private_of)
        self._public: Callable[[bytes], Any] = lru_cache(_KEPT)(self._public_of)
        if self._md == _ffi.NULL:
            raise ValueError("built without SM3")
        self._public(bytes.fromhex(_BASE_POINT))

    def sign(self, number: bytes, point: bytes, signer: bytes, text: bytes) -> bytes:
        lib, key = self._lib, self._private(number, point)
        work = self._digest(key, signer, lib.EVP_DigestSignInit)
        size = _ffi.new("size_t *", 80)
        out = _ffi.new("unsigned char[80]")
        self._must(lib.EVP_DigestSign(work[0], out, size, text, len(text)))
        return bytes(_ffi.buffer(out, size[0]))

    def verify(self, point: bytes, signer: bytes, text: bytes, signature: bytes) -> bool:
        work = self._digest(self._public(point), signer, self._lib.EVP_DigestVerifyInit)
        good = self._lib.EVP_DigestVerify(work[0], signature, len(signature), text, len(text))
        self._lib.ERR_clear_error()
        return bool(good == 1)

    def encrypt(self, point: bytes, plain: bytes) -> bytes:
        hidden = self._through(self._public(point), plain, "encrypt")
        assert hidden is not None
        return hidden

    def decrypt(self, number: bytes, point: bytes, hidden: bytes) -> bytes | None:
        return self._through(self._private(number, point), hidden, "decrypt")

    def _through(self, key: Any, data: bytes, what: str) -> bytes | None:
        lib = self._lib
        context = _ffi.gc(self._there(lib.EVP_PKEY_CTX_new(key, _ffi.NULL)), lib.EVP_PKEY_CTX_free)
        run = getattr(lib, f"EVP_PKEY_{what}")
        self._must(getattr(lib, f"EVP_PKEY_{what}_init")(context))
        size = _ffi.new("size_t *", 0)
        good = run(context, _ffi.NULL, size, data, len(data))
        if good == 1 and size[0] <= _MAX_HIDDEN:
            out = _ffi.new("unsigned char[]", max(size[0], 1))
            good = run(context, out, size, data, len(data))
            if good == 1:
                return bytes(_ffi.buffer(out, size[0]))
        lib.ERR_clear_error()
        return None

    def _digest(self, key: Any, signer: bytes, begin: Any) -> tuple[Any, Any]:
        """A digest context ready for this key and signer, and the key context that must outlive it."""
        lib = self._lib
        context = _ffi.gc(self._there(lib.EVP_PKEY_CTX_new(key, _ffi.NULL)), lib.EVP_PKEY_CTX_free)
        work = _ffi.gc(self._there(lib.EVP_MD_CTX_new()), lib.EVP_MD_CTX_free)
        lib.EVP_MD_CTX_set_pkey_ctx(work, context)
        self._must(lib.EVP_PKEY_CTX_set1_id(context, signer, len(signer)))
        self._must(begin(work, _ffi.NULL, self._md, _ffi.NULL, key))
        return work, context

    def _private_of(self, number: bytes, point: bytes) -> Any:
        key = keys.PrivateKey(number, keys.PublicKey(point))
        return self._parsed(self._lib.d2i_AutoPrivateKey, keys.private_info(key))

    def _public_of(self, point: bytes) -> Any:
        return self._parsed(self._lib.d2i_PUBKEY, keys.public_info(keys.PublicKey(point)))

    def _parsed(self, read: Any, data: bytes) -> Any:
        here = _ffi.from_buffer(data)
        key = read(_ffi.NULL, _ffi.new("const unsigned char **", here), len(data))
        self._lib.ERR_clear_error()
        if key == _ffi.NULL:
            raise ValueError("OpenSSL does not read this SM2 key")
        key = _ffi.gc(key, self._lib.EVP_PKEY_free)
        if self._lib.EVP_PKEY_is_a(key, _SM2) != 1:
            raise ValueError("OpenSSL was built without SM2")
        return key

    def _there(self, pointer: Any) -> Any:
        if pointer == _ffi.NULL:
            raise MemoryError("OpenSSL: no room")
        return pointer

    def _must(self, good: int) -> None:
        if good != 1:
            self._lib.ERR_clear_error()
            raise RuntimeError("OpenSSL: SM2 failed")


_BASE_POINT: Final = (
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)
