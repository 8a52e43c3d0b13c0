"""What every pixel of a scan shows: sediment, or what it is instead."""
