"""Many labels at once: small ones in one compiled call, large ones one by one."""
