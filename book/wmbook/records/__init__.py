"""The committed records: written by one module, read by one, quoted from the others."""
