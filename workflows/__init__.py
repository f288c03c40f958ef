"""Thin deterministic shells over the pure ring; they meet `activities` only in `stanch.contract`."""
