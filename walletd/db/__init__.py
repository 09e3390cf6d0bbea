"""The database: rows and their queries, and the two engines behind one seam."""
