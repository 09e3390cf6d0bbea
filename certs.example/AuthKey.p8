PLACEHOLDER. This is not a certificate and not a key. README.md in this folder says what belongs into a file of this name.
