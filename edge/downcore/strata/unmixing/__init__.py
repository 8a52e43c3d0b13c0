"""From logs and colour to fractions of mineral groups, each with an interval and a status."""
