"""Explorer: a translator as one HTML page that computes in the browser."""
