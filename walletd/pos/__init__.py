"""The ways to till systems, each behind the port `PosConnector` that the services define."""
