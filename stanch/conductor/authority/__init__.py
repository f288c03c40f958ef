"""Whose word counts: roles and who holds them now, proofs, who may order what."""
