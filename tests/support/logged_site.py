"""A record of a core whose colour tells its density, with a logger's values beside it."""

from pathlib import Path

import numpy as np
from core_store import row_at
from followed_logs import SetClock, followed_logs

from downcore.publish import payloads
from downcore.store import Reader, Store
from downcore.strata.record import Run
from downcore.strata.slice_profile import SliceProfile

N_CM = 70


def logged_site(place: Path, n_sections: int, *, follows_colour: bool = True) -> Path:
    """Write a record of sections with colour profiles and a log; return the database."""
    random = np.random.default_rng(5)
    names = [str(n + 1) for n in range(n_sections)]
    lines = ["leg,site,hole,core,type,section,top_cm,depth_mbsf,density_g_cm3"]
    profiles: dict[str, list[SliceProfile]] = {}
    for number, name in enumerate(names):
        tone = random.normal(0.0, 1.0, N_CM)
        tone = np.convolve(tone, np.ones(5), "same")
        numbers = random.normal(0.0, 0.1, (N_CM, 12))
        numbers[:, 0] = 55.0 + 4.0 * tone
        numbers[:, 8], numbers[:, 9:] = 1.0, np.nan
        profiles[name] = [SliceProfile(i, numbers[i].astype(np.float32)) for i in range(N_CM)]
        told = tone if follows_colour else random.permutation(tone)
        for i, density in enumerate(1.6 + 0.05 * told):
            lines.append(
                f"145,887,A,1,H,{name},{i + 0.5},{0.7 * number + i / 100:.4f},{density:.3f}"
            )
    with followed_logs(place, dict.fromkeys(names, N_CM)) as logs:
        logs.write("odp887A_GRAPE_density.csv", ("\n".join(lines) + "\n").encode())
        logs.settle()
        db = logs.store.path
    with Reader.open(db) as reader:
        scans = {one.scan.section: one.scan.scan_id for one in reader.sections()}
    with Store.open(db, clock=SetClock(), announce=payloads) as store:
        store.begin_run(Run("0", "0" * 64, "", "0"))
        for name in names:
            store.commit_slices(
                scans[name],
                [row_at(i) for i in range(N_CM)],
                n_lines_done=20 * N_CM,
                prefix_digest="0" * 32,
                profiles=profiles[name],
            )
    return db
