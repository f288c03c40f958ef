"""What an approval shows, what it is bound to, and when it is void."""
