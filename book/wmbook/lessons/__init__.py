"""What a chapter needs and no agent uses: small networks that it trains, dreams that it looks at."""
