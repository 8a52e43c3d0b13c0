"""The record: a SQLite database with one writer and any number of readers."""

from downcore.store.queries import Reader
from downcore.store.scans import OpenedScan
from downcore.store.transaction import Announcer
from downcore.store.writer import Store

__all__ = ["Announcer", "OpenedScan", "Reader", "Store"]
