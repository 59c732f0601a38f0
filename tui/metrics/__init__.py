"""Views as Prometheus's metrics; the alert rules and the Grafana dashboard that go with them."""
