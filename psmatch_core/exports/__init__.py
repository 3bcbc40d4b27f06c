"""Files to take away: pairs, coupling, translations, recipe."""
