"""How gateway, CLI and worker speak to Temporal: connection, payloads, starting and reading runs."""
