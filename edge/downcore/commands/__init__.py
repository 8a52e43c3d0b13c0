"""One-shot work of the command line, one module a command; the daemon is in ``service``."""
