"""Where API keys are kept: encrypted, one file per account, opened by the keyring or a password. No network."""
