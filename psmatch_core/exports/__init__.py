"""Files to download: pairs, coupling, translations, recipe."""
