"""Opening results that were made elsewhere: found in a folder or an archive, checked, and copied into a workspace."""
