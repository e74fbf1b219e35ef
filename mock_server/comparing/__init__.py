"""Two environments side by side: the same calls put to both, and what differs in how they answer."""
