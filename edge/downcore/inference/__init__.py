"""Bundles run here, on OpenVINO: the only part of the device that knows it."""

from downcore.inference.device import Device, describe_device
from downcore.inference.loading import Bundle, load_bundle
from downcore.inference.predictor import BundlePredictor, Mode
from downcore.inference.reference import find_bundle, reference_bundles
from downcore.inference.starting import open_predictor, start_predictor

__all__ = [
    "Bundle",
    "BundlePredictor",
    "Device",
    "Mode",
    "describe_device",
    "find_bundle",
    "load_bundle",
    "open_predictor",
    "reference_bundles",
    "start_predictor",
]
