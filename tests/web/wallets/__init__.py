"""What wallets call: Apple's web service, Google's callback, and passes as files."""
