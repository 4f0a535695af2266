"""Small networks that one chapter trains and no agent uses."""
