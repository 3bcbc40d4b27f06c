"""Match cells of two unpaired modalities by propensity score. Knows nothing of Streamlit."""
