"""What sets pages: notebooks executed, code shown, the paper typeset, the reference generated."""
