"""The command line, judged as its user sees it: arguments in; text, files, exit codes and processes out."""
