"""Views: queries that join tables of several areas."""
