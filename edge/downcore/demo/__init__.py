"""A whole station in one command: broker, scanner, daemon, a listener, and a plate at the end."""

from downcore.demo.show import DemoPlan, run_demo

__all__ = ["DemoPlan", "run_demo"]
