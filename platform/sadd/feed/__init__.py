"""What the store tells everybody, and the proof that nothing of it was missed."""
