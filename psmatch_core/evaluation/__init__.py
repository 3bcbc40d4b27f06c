"""How accurate a matching or a translation is, compared with baselines."""
