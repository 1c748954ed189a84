"""The command line: one short file a command. Each parses, calls and prints; heavy imports wait until it runs."""
