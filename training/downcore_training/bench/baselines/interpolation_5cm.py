"""In-core interpolation across gaps of 5 cm."""

from downcore_training.bench.baselines._interpolation import baseline_of

BASELINE = baseline_of(5)
