"""From features to scores: classifiers, the joint VAE, propensity models, and how good they are."""
