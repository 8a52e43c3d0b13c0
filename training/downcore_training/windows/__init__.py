"""Predictors that see the centimetres around a row: trees on the profile, networks on windows."""
