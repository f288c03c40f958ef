"""Questions to people: what is asked, the ladder that it climbs, and what the answer does."""
