"""What every process says about itself: logs, metrics, health."""
