"""Pages for people: the QR page, statements, and what links in mails lead to."""
