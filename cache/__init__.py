"""Answer from memory what need not be asked again."""
