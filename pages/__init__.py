"""The pages of the app, one thin file each."""
