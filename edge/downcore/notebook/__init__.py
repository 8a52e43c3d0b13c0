"""The front door for notebooks: a record or a finished scan, as pandas and xarray know data."""
