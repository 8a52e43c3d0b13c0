"""From a checkpoint to the bundle that runs on the device."""
