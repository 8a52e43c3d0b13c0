"""How the mask is fitted: marked and generated scans, altered views of them, and the fit."""
