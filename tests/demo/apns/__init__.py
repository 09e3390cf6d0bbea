"""A push service that behaves as Apple's."""
