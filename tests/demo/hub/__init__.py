"""The world outside, and the page that shows it."""
