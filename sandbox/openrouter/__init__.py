"""OpenRouter as its clients see it: chat completions, catalogue, account."""
