"""In-core interpolation across gaps of 1 cm."""

from downcore_training.bench.baselines._interpolation import baseline_of

BASELINE = baseline_of(1)
