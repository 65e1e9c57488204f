"""The only network I/O of the engine: bytes in, bytes out, under limits and deadlines."""
