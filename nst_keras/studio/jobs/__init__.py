"""Pictures that take a while: their files, their queue and the news of them."""
