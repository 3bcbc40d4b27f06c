"""Labels put right before matching: edited, joined, left out, shared by both sides, and what is suggested."""
