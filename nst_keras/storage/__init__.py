"""Files written whole, the cache, downloads: what keeps data on disk safe."""
