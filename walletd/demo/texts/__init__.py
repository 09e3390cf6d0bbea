"""Texts of the phone page: English where they are used, and a catalogue of translations for the other language."""
