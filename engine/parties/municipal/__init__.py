"""A municipal medical insurance platform: one SOAP method, a transaction code and an XML document as text."""
