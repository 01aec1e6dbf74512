"""What tests/bench/run measures, and how it writes it down. Standard library only."""
