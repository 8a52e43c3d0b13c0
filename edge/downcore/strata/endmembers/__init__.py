"""What a core may be made of: end members with their numbers, uncertainties and sources."""
