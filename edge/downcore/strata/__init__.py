"""What a core is: values and pure functions. No file, clock, log or thread is used here."""
