"""What may be shown of a person: values covered for their key or shape, and whole requests and replies laid out so."""
