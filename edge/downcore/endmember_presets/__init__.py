"""End-member tables that come with the device, as package data: one TOML file each."""
