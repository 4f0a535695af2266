"""The chain: collect, V, encode, M, C, evaluate. Each stage reads earlier folders and writes only its own."""
