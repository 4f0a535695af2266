"""wmbook: what measures, draws and tells. The book's workshop; wmlib, the agent, knows nothing of it."""
