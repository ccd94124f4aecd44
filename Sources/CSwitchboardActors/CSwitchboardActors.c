// All is in the header.
