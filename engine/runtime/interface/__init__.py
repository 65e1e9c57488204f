"""The interface document: all doors of a site as its callers need them, made from what the engine runs on."""
