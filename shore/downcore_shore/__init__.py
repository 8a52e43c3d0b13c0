"""The shore side: takes in what the ship sends. Empty until the ship-to-shore link is built."""
