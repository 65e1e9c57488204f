"""The command line: `engine …`. Each command lives in a file of its own and is imported only when it is used."""
