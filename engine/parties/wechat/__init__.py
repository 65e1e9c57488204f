"""WeChat Pay: v3 (JSON, RSA signatures, callbacks) and the v2 payment code (XML)."""
