"""Looking at an agent: play, film, video."""
