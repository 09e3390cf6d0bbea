"""The outside world in a box is itself tested: it must be as strict as Apple is."""
