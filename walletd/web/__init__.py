"""The HTTP edge: Apple's web service, the JSON API, the page behind a QR code, and what operations asks for."""
