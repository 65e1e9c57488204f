"""国密, the commercial ciphers of GB/T: SM2 signatures and encryption, SM3 and HMAC-SM3, SM4 in ECB, CBC and GCM.

`sm2` speaks of keys and signatures in the forms other people write them; the curve's arithmetic is a compiled library's
(`native`). `sm3` and `sm4` are thin doors to `cryptography`. Everything is pure but for the library's own randomness.
"""
