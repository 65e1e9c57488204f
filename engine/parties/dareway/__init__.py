"""Dareway (地纬): `login` for a token, `invoke` of methods with JSON."""
