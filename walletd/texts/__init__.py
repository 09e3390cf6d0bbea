"""Texts for people: English where they are used, and a catalogue of translations for each other language."""
