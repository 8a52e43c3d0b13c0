"""The depth ledger in the store: versions are added, and read with all that they say."""

import sqlite3
from collections import defaultdict

from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    Datum,
    DepthSource,
    Draft,
    SectionEntry,
    Version,
)


def add_version(transaction: Transaction, draft: Draft) -> None:
    """Add a version to the ledger, unless the newest one is the same; earlier ones stay."""
    connection = transaction.connection
    # A request that was taken up before a kill is there again.
    if [one.draft for one in versions(connection)[-1:]] == [draft]:
        return
    words = (draft.file_name, draft.file_sha256, draft.made_by, draft.why)
    made = connection.execute(
        "INSERT INTO depth_version (source, file_name, file_sha256, made_by, why, made_utc)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (draft.source.value, *map(storable_text, words), transaction.now_utc),
    )
    number = int(made.lastrowid or 0)
    connection.executemany(
        "INSERT INTO section_depth VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                entry.core.expedition,
                entry.core.core,
                entry.section,
                entry.top_um,
                entry.datum.value,
                entry.gap_above_um,
                entry.curated_length_um,
                entry.expanded_length_um,
                int(entry.is_withdrawal),
            )
            for entry in draft.sections
        ],
    )
    connection.executemany(
        "INSERT INTO core_depth VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                entry.core.expedition,
                entry.core.core,
                entry.top_um,
                entry.shift_um,
                int(entry.is_withdrawal),
            )
            for entry in draft.cores
        ],
    )


def versions(connection: sqlite3.Connection) -> list[Version]:
    """Return every version, the oldest first; none from a store of an older schema."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'depth_version'")
    if known.fetchone() is None:
        return []
    # Versions come first: what one says is written with it, and read after it.
    made = connection.execute(
        "SELECT version_no, made_utc, source, made_by, why, file_name, file_sha256"
        " FROM depth_version ORDER BY version_no"
    ).fetchall()
    sections: dict[int, list[SectionEntry]] = defaultdict(list)
    for (
        number,
        expedition,
        core,
        section,
        top_um,
        datum,
        gap,
        curated,
        expanded,
        withdrawn,
    ) in connection.execute(
        "SELECT version_no, expedition, core, section, top_um, datum, gap_above_um,"
        " curated_length_um, expanded_length_um, is_withdrawal FROM section_depth"
    ):
        entry = SectionEntry(
            CoreName(expedition, core),
            section,
            top_um,
            Datum(datum),
            gap_above_um=gap,
            curated_length_um=curated,
            expanded_length_um=expanded,
            is_withdrawal=bool(withdrawn),
        )
        sections[number].append(entry)
    cores: dict[int, list[CoreEntry]] = defaultdict(list)
    for number, expedition, core, top_um, shift_um, withdrawn in connection.execute(
        "SELECT version_no, expedition, core, top_um, shift_um, is_withdrawal FROM core_depth"
    ):
        name = CoreName(expedition, core)
        cores[number].append(CoreEntry(name, top_um, shift_um, bool(withdrawn)))
    return [
        Version(
            number,
            made_utc,
            Draft(
                DepthSource(source),
                made_by,
                why,
                file_name,
                file_sha256,
                sections=tuple(sections[number]),
                cores=tuple(cores[number]),
            ),
        )
        for number, made_utc, source, made_by, why, file_name, file_sha256 in made
    ]
