"""The HIS: the same operations behind a signed JSON gateway, or behind one SOAP method with one string parameter."""
