"""The command line: reads files, calls the pure core, writes answers to stdout and messages to stderr."""
