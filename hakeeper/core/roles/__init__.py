"""What keepalived says: the lines of its FIFO, the role table, the role of each instance."""
