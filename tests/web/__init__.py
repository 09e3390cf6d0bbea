"""The web floor: Apple's protocol, the API, the add page and what operations asks for."""
