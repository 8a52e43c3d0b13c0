"""Learning a site: trees on the colour profile, fitted and judged without torch."""
