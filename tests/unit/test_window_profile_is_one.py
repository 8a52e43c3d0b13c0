import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [training]")

from downcore.strata.core_view import SliceView  # noqa: E402 - see above
from downcore.strata.window_profile import profile_features, slice_profile  # noqa: E402
from downcore.strata.windows import cut_window  # noqa: E402
from downcore_training.windows.boosted_profile import PROFILE_WINDOW, as_input  # noqa: E402
from downcore_training.windows.profile import WindowProfile  # noqa: E402


def test_the_kept_profile_gives_the_features_that_the_graph_sees_in_a_window() -> None:
    random = np.random.default_rng(1)
    views = []
    for i in range(PROFILE_WINDOW.n_cm):
        rgb = random.normal(110, 20, 3) + random.normal(0, 12, (20, 130, 3))
        sediment = np.zeros((20, 130), np.bool_)
        sediment[:, 20:112] = i != 3
        sediment &= random.random((20, 130)) > (0.3 if i == 5 else 0.0)
        views.append(SliceView(np.clip(rgb, 0, 255).astype(np.uint8), sediment))
    seen = WindowProfile(PROFILE_WINDOW)(as_input(cut_window(views, PROFILE_WINDOW)[None]))[0]
    found = [slice_profile(view) for view in views]
    features = profile_features(np.array([p for p, _ in found]), np.array([w for _, w in found]))
    np.testing.assert_allclose(features[5:9], seen.numpy(), atol=1e-3)
