"""Former municipal insurance interfaces: fixed-length messages, tokens, delimited fields, XML in two phases."""
