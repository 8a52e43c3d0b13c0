"""Running bundles on OpenVINO; the only part of the device that uses it."""

from downcore.inference.device import Device, describe_device
from downcore.inference.golden_test import open_predictor, start_predictor
from downcore.inference.guarded import GuardedPredictor, guard_folder, open_guarded
from downcore.inference.loading import Bundle, load_bundle
from downcore.inference.predictor import BundlePredictor, Mode
from downcore.inference.reference import find_bundle, reference_bundles

__all__ = [
    "Bundle",
    "BundlePredictor",
    "Device",
    "GuardedPredictor",
    "Mode",
    "describe_device",
    "find_bundle",
    "guard_folder",
    "load_bundle",
    "open_guarded",
    "open_predictor",
    "reference_bundles",
    "start_predictor",
]
