"""Two environments side by side: the same scenarios played on both, and what differs in how they answer."""
