"""Many problems at once: small ones together in one compiled call, large ones one by one."""
