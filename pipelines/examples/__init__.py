"""Sets of pictures as files, and work on them shard by shard."""
